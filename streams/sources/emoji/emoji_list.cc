#include "streams/sources/emoji/emoji_list.h"

#include <array>
#include <cctype>
#include <fstream>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"

namespace cl {
namespace {

using Json = nlohmann::json;
using CodePoints = std::vector<std::string>;

constexpr const char* kComponent = "Component";
constexpr std::string_view kVariationSelector = "fe0f";
constexpr std::array<std::string_view, 4> kVendors{"apple", "google", "twitter", "facebook"};

// Unicode Technical Standard 51: joiner, gender signs, direction, hair and skin.
const std::set<std::string, std::less<>> kVariantParts{"200d",  "2640",  "2642",  "27a1",  "1f9b0",
                                                       "1f9b1", "1f9b2", "1f9b3", "1f3fb", "1f3fc",
                                                       "1f3fd", "1f3fe", "1f3ff"};

// Gendered and older forms that have a code point of their own, by the neutral one.
const std::map<std::string, std::string, std::less<>> kNeutralForms{
    {"1f468", "1f9d1"},                      // man, woman, person
    {"1f469", "1f9d1"}, {"1f466", "1f9d2"},  // boy, girl, child
    {"1f467", "1f9d2"}, {"1f474", "1f9d3"},  // old man, old woman, older person
    {"1f475", "1f9d3"}, {"1f46c", "1f46b"},  // two men, two women, man and woman holding hands
    {"1f46d", "1f46b"}, {"1f478", "1fac5"},  // princess, prince, person with crown
    {"1f934", "1fac5"}, {"1f936", "1f385"},  // Mrs. Claus, Santa Claus
    {"1f57a", "1f483"},                      // man dancing, woman dancing
    {"1fac3", "1f930"},                      // pregnant man, pregnant person, pregnant woman
    {"1fac4", "1f930"}};

// Sequences, neutral already, that show what a single code point does.
const std::map<std::string, std::string, std::less<>> kSameAsOne{
    {"1f9d1-1f91d-1f9d1", "1f46b"},       // people holding hands
    {"1f9d1-2764-1f9d1", "1f491"},        // couple with heart
    {"1f9d1-2764-1f48b-1f9d1", "1f48f"},  // kiss
    {"1f9d1-1f384", "1f385"},             // Mx Claus
    {"1f9d1-1f9d1-1f9d2", "1f46a"}};      // family

CodePoints code_points(std::string_view sequence) {
  CodePoints result;
  std::istringstream text{std::string(sequence)};
  for (std::string part; std::getline(text, part, '-');) {
    for (char& c : part) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (part != kVariationSelector) result.push_back(part);
  }
  return result;
}

Emoji parse(const Json& json) {
  const std::string unified = json.at("unified");
  Emoji result{.name = json.at("short_name"),
               .code = emoji_code(unified),
               .identity = emoji_identity(unified),
               .category = json.at("category"),
               .subcategory = json.at("subcategory"),
               .sheet_column = json.at("sheet_x"),
               .sheet_row = json.at("sheet_y"),
               .vendors = {}};
  for (const std::string_view vendor : kVendors) {
    if (json.at(fmt::format("has_img_{}", vendor))) result.vendors.emplace(vendor);
  }
  return result;
}

}  // namespace

std::string emoji_code(std::string_view sequence) {
  return fmt::format("{}", fmt::join(code_points(sequence), "-"));
}

std::string emoji_identity(std::string_view sequence) {
  CodePoints parts;
  for (const std::string& part : code_points(sequence)) {
    if (kVariantParts.contains(part)) continue;
    const auto neutral = kNeutralForms.find(part);
    parts.push_back(neutral == kNeutralForms.end() ? part : neutral->second);
  }
  if (parts.empty()) return emoji_code(sequence);  // the variant part itself
  const auto joined = fmt::format("{}", fmt::join(parts, "-"));
  const auto same = kSameAsOne.find(joined);
  return same == kSameAsOne.end() ? joined : same->second;
}

std::vector<Emoji> read_emoji_list(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw Error(fmt::format("{}: cannot be read", file.string()));
  std::vector<Emoji> result;
  try {
    for (const Json& json : Json::parse(in)) {
      Emoji emoji = parse(json);
      if (emoji.category != kComponent) result.push_back(std::move(emoji));
    }
  } catch (const Json::exception& problem) {
    throw Error(fmt::format("{}: expected the list of the npm package emoji-datasource: {}",
                            file.string(), problem.what()));
  }
  return result;
}

}  // namespace cl
