// Characters of the scripts of the world, drawn anew for every image: many classes with few images
// each, as in Omniglot.
//
// A class is a character of a script, a domain a script. The Noto fonts have one to four faces of a
// character, so the variety of hands comes from turning, slanting, wavering and the weight of
// strokes, drawn for each image. No drawing is in both splits.
#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "core/base/check.h"
#include "core/base/error.h"
#include "core/base/rng.h"
#include "core/data/content_digest.h"
#include "core/stream/image_source.h"
#include "streams/sources/glyphs/font.h"
#include "streams/sources/glyphs/handwriting.h"
#include "streams/sources/glyphs/writing_systems.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFolder = "usr/share/fonts/truetype/noto";  // in its package
constexpr int kSide = 64;  // of the pictures that drawings start from
constexpr std::array<std::string_view, 2> kInks{"white", "black"};

DataPackage noto_package() {
  return {.manager = PackageManager::kApt,
          .name = "fonts-noto-core",
          .version = {},
          .megabytes = 12,
          .licence = "OFL-1.1",
          .sha256 = {}};
}

/// A character of a script, by all faces that have it.
struct Character {
  char32_t code = 0;
  std::vector<cv::Mat> faces;  // [kSide, kSide] 8 bits
  double ink = 0;              // sum of the first face
};

cv::Mat picture(const glyphs::Glyph& glyph) {
  const glyphs::Frame tight = glyphs::frame_of(std::span(&glyph, 1), kSide);
  constexpr int kMargin = kSide / 8;  // for what a drawing adds
  return glyphs::framed(glyph, {kSide, kMargin, tight.top, tight.bottom});
}

/// Whether two characters could be taken for each other: the inks of their first faces differ by
/// less than a third of the smaller one.
bool alike(const Character& a, const Character& b) {
  const double most = std::min(a.ink, b.ink) / 3;
  // The sums cannot differ by more than the pictures; most pairs need no look at the pixels.
  return std::abs(a.ink - b.ink) < most && cv::norm(a.faces[0], b.faces[0], cv::NORM_L1) < most;
}

/// The files of a script: regular and bold, of its own design and of the one with serifs.
std::vector<fs::path> faces_of(const glyphs::WritingSystem& script, const fs::path& folder) {
  std::vector<fs::path> result{folder / fmt::format("Noto{}-Regular.ttf", script.font)};
  std::string serif(script.font);
  if (serif.starts_with("Sans")) serif.replace(0, 4, "Serif");
  for (const auto& name :
       {fmt::format("Noto{}-Bold.ttf", script.font), fmt::format("Noto{}-Regular.ttf", serif),
        fmt::format("Noto{}-Bold.ttf", serif)}) {
    std::error_code error;
    const fs::path file = folder / name;
    const bool is_new = std::find(result.begin(), result.end(), file) == result.end();
    if (is_new && fs::is_regular_file(file, error)) result.push_back(file);
  }
  return result;
}

/// `count` characters of a script in a fixed order, none like another or like one of `earlier`;
/// fewer if it has no more.
std::vector<Character> choose(const glyphs::WritingSystem& script, const fs::path& folder,
                              size_t count, const std::vector<Character>& earlier,
                              const RngKey& key) {
  std::vector<glyphs::Font> fonts;
  for (const fs::path& file : faces_of(script, folder)) fonts.emplace_back(file, kSide);
  const std::vector<char32_t> all = script.characters();
  std::vector<Character> result;
  for (const int64_t i : permutation(key, static_cast<int64_t>(all.size()))) {
    if (result.size() == count) break;
    Character character{all[static_cast<size_t>(i)], {}, 0};
    for (glyphs::Font& font : fonts) {
      const glyphs::Glyph glyph = font.draw(character.code);
      if (!glyph.ink.empty()) character.faces.push_back(picture(glyph));
      if (character.faces.empty()) break;  // not in the first face: not of this script
    }
    if (character.faces.empty()) continue;
    character.ink = cv::sum(character.faces[0])[0];
    const auto is_alike = [&](const Character& other) { return alike(character, other); };
    if (std::any_of(result.begin(), result.end(), is_alike)) continue;
    if (std::any_of(earlier.begin(), earlier.end(), is_alike)) continue;
    result.push_back(std::move(character));
  }
  return result;
}

class Scripts final : public ImageSource {
 public:
  struct Options {
    int64_t num_scripts = 20;
    int64_t characters_per_script = 20;
    int64_t train_per_character = 15;
    int64_t test_per_character = 5;
    int64_t image_size = 28;
    std::string ink = "white";

    void fields(config::Fields& fields) {
      fields.field("num_scripts", num_scripts,
                   "in a fixed order, so that a larger number has all of a smaller one", {1, 133});
      fields.field("characters_per_script", characters_per_script, "classes of each", {1, 500});
      fields.field("train_per_character", train_per_character, "training images a class", {1, 1e6});
      fields.field("test_per_character", test_per_character, "test images a class", {1, 1e6});
      fields.field("image_size", image_size, "side of an image, pixels", {8, kSide});
      fields.field("ink", ink, "of the characters; the ground is the other", kInks);
    }
    void check(const config::Node& node) const {
      int64_t enough = 0;
      for (const auto& script : glyphs::writing_systems()) {
        enough += static_cast<int64_t>(script.characters().size()) >= characters_per_script;
      }
      if (num_scripts <= enough) return;
      node.at_or_null("num_scripts")
          .fail(fmt::format("expected at most {}, the scripts of {} characters or more; found {}",
                            enough, characters_per_script, num_scripts));
    }
    [[nodiscard]] int64_t num_classes() const { return num_scripts * characters_per_script; }
  };

  Scripts(const Options& options, const ImageSourceParts& parts)
      : size_(static_cast<int>(options.image_size)), white_(options.ink == "white") {
    const fs::path folder = find_in_package(noto_package(), kFolder, parts.data_root, "scripts");
    add_scripts(options, folder);
    fill(Split::kTrain, options.train_per_character);
    fill(Split::kTest, options.test_per_character);
    ContentDigest digest;
    digest.add(fmt::format("scripts 1 {} {} {} {}", size_, options.ink, options.train_per_character,
                           options.test_per_character));
    for (const Character& character : characters_) {
      digest.add(glyphs::utf8(character.code));
      for (const cv::Mat& face : character.faces) {
        digest.add(std::as_bytes(std::span(face.data, face.total())));
      }
    }
    info_.digest = digest.hex();
  }

  [[nodiscard]] const ImageSourceInfo& info() const override { return info_; }
  [[nodiscard]] const ImageTable& table(Split split) const override {
    return split == Split::kTrain ? train_ : test_;
  }
  [[nodiscard]] cv::Mat image(Split split, int64_t index) const override {
    CL_CHECK(index >= 0 && index < table(split).size(), "image {} of {}", index,
             table(split).size());
    const auto label = static_cast<size_t>(table(split).labels[static_cast<size_t>(index)]);
    const auto& faces = characters_[label].faces;
    const int64_t within = index - first_row(split, label);
    const RngKey key = all_drawings()
                           .child(name(split))
                           .child(info_.class_names[label])
                           .child(static_cast<uint64_t>(within));
    std::mt19937_64 engine = key.child("face").engine();
    const auto face = uniform_index(engine, static_cast<int64_t>(faces.size()));
    cv::Mat drawing = glyphs::redrawn(faces[static_cast<size_t>(face)], size_, key.child("hand"));
    if (!white_) drawing = 255 - drawing;
    cv::Mat result;
    cv::cvtColor(drawing, result, cv::COLOR_GRAY2RGB);
    return result;
  }

 private:
  // The data set is one and the same for every stream, as a published one would be.
  static RngKey all_drawings() { return RngKey(0).child("scripts"); }

  [[nodiscard]] int64_t first_row(Split split, size_t label) const {
    const int64_t per_character = table(split).size() / static_cast<int64_t>(characters_.size());
    return static_cast<int64_t>(label) * per_character;
  }

  void add_scripts(const Options& options, const fs::path& folder);

  void fill(Split split, int64_t per_character) {
    ImageTable& table = split == Split::kTrain ? train_ : test_;
    for (size_t label = 0; label < characters_.size(); ++label) {
      table.labels.insert(table.labels.end(), static_cast<size_t>(per_character),
                          static_cast<int64_t>(label));
      table.domains.insert(table.domains.end(), static_cast<size_t>(per_character),
                           scripts_[label]);
    }
  }

  int size_;
  bool white_;
  std::vector<Character> characters_;  // by class
  std::vector<int64_t> scripts_;       // of each class, position in domain_names
  ImageTable train_, test_;
  ImageSourceInfo info_;
};

void Scripts::add_scripts(const Options& options, const fs::path& folder) {
  const auto scripts = glyphs::writing_systems();
  const auto count = static_cast<size_t>(options.characters_per_script);
  for (const int64_t i :
       permutation(all_drawings().child("order"), static_cast<int64_t>(scripts.size()))) {
    if (static_cast<int64_t>(info_.domain_names.size()) == options.num_scripts) return;
    const glyphs::WritingSystem& script = scripts[static_cast<size_t>(i)];
    if (script.characters().size() < count) continue;
    auto chosen = choose(script, folder, count, characters_,
                         all_drawings().child("characters").child(script.name));
    if (chosen.size() < count) continue;
    for (Character& character : chosen) {
      info_.class_names.push_back(fmt::format("{} {}", script.name, glyphs::utf8(character.code)));
      scripts_.push_back(static_cast<int64_t>(info_.domain_names.size()));
      characters_.push_back(std::move(character));
    }
    info_.domain_names.emplace_back(script.name);
  }
  if (static_cast<int64_t>(info_.domain_names.size()) == options.num_scripts) return;
  throw Error(
      fmt::format("{}: has {} scripts of {} characters that look different, expected {}; "
                  "choose fewer of either",
                  folder.string(), info_.domain_names.size(), count, options.num_scripts));
}

const RegisterImageSource<Scripts> kRegistered{
    "scripts",
    "characters of the scripts of the world, drawn anew for every image",
    "after Lake et al. 2015, Omniglot; Debian package fonts-noto-core",
    {.num_classes =
         [](const config::Node& options) {
           return config::read<Scripts::Options>(options).num_classes();
         },
     .packages = {noto_package()}}};

}  // namespace
}  // namespace cl
