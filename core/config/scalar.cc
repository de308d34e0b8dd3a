#include "core/config/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/check.h"

namespace cl::config {
namespace {

[[noreturn]] void fail_expected(const Node& node, std::string_view expected) {
  node.fail(fmt::format("expected {}, found {}", expected, node.found()));
}

/// "a number in [0, 1]", "an integer >= 1"
std::string expected_in(std::string_view noun, Range range) {
  const std::string limits = write_range(range);
  return fmt::format("{}{}{}", noun, limits.starts_with('[') ? " in " : " ", limits);
}

template <class T>
std::from_chars_result parse_whole(std::string_view text, T& value) {
  // from_chars refuses a plus sign, and a second sign behind it is no number either.
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  auto result = std::from_chars(text.data(), end, value);
  if (result.ptr != end) result.ec = std::errc::invalid_argument;
  return result;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/// Whether some YAML reader would see a yes/no, null, number, date or document mark in the bare
/// text.
bool looks_like_other_type(std::string_view text) {
  static constexpr std::array<std::string_view, 10> kWords{"true", "false", "yes", "no",   "on",
                                                           "off",  "y",     "n",   "null", "nan"};
  static constexpr std::array<std::string_view, 4> kSigned{".inf", "inf", "infinity", ".nan"};
  if (std::find(kWords.begin(), kWords.end(), lower(text)) != kWords.end()) return true;
  const std::string_view unsigned_text = text.substr(text[0] == '-' || text[0] == '+' ? 1 : 0);
  if (unsigned_text.empty()) return false;
  if (std::find(kSigned.begin(), kSigned.end(), lower(unsigned_text)) != kSigned.end()) return true;
  const char first = unsigned_text[0];
  const bool starts_number = (first >= '0' && first <= '9') || first == '.';
  return starts_number && text.find_first_not_of("0123456789abcdefABCDEFoxX_.+-") == text.npos;
}

bool is_plain(std::string_view text) {
  if (text.empty() || text.back() == ' ') return false;
  const char first = text[0];
  if (!is_alphanumeric(first) && first != '_' && first != '.' && first != '/') return false;
  const bool harmless = std::all_of(text.begin(), text.end(), [](char c) {
    return is_alphanumeric(c) || std::string_view("_./+-=() ").find(c) != std::string_view::npos;
  });
  return harmless && !looks_like_other_type(text);
}

}  // namespace

bool read_bool(const Node& node) {
  if (node.is_scalar() && !node.is_quoted()) {
    const std::string text = node.scalar();
    if (text == "true" || text == "yes") return true;
    if (text == "false" || text == "no") return false;
  }
  fail_expected(node, "true or false");
}

int64_t read_integer(const Node& node, Range range) {
  int64_t value = 0;
  auto error = std::errc::invalid_argument;
  if (node.is_scalar() && !node.is_quoted()) error = parse_whole(node.scalar(), value).ec;
  if (error == std::errc::result_out_of_range) fail_expected(node, "an integer of 64 bits");
  if (error != std::errc()) fail_expected(node, "an integer");
  const auto number = static_cast<double>(value);
  if (number < range.min || number > range.max) {
    fail_expected(node, expected_in("an integer", range));
  }
  return value;
}

double read_number(const Node& node, Range range) {
  double value = 0;
  auto error = std::errc::invalid_argument;
  if (node.is_scalar() && !node.is_quoted()) {
    const std::string text = lower(node.scalar());
    if (text == ".inf" || text == "+.inf" || text == "-.inf") {
      value = text[0] == '-' ? -HUGE_VAL : HUGE_VAL;
      error = {};
    } else {
      error = parse_whole(text, value).ec;
    }
  }
  if (error == std::errc::result_out_of_range) {
    fail_expected(node, "a number within double precision");
  }
  if (error != std::errc() || std::isnan(value)) fail_expected(node, "a number");
  if (value < range.min || value > range.max) fail_expected(node, expected_in("a number", range));
  return value;
}

std::string read_text(const Node& node, Fields::Choices choices) {
  if (!node.is_scalar()) fail_expected(node, "a text");
  std::string text = node.scalar();
  if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) {
    node.fail(
        fmt::format("expected one of '{}'; found {}", fmt::join(choices, "', '"), node.found()));
  }
  return text;
}

std::string write_number(double value) {
  CL_CHECK(!std::isnan(value));
  if (std::isinf(value)) return value < 0 ? "-.inf" : ".inf";
  std::array<char, 32> buffer{};  // the longest shortest form, -2.2250738585072014e-308, has 24
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

std::string write_text(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += {'\\', c};
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::string write_numbers(const std::vector<double>& values) {
  std::vector<std::string> items(values.size());
  std::transform(values.begin(), values.end(), items.begin(), write_number);
  return fmt::format("[{}]", fmt::join(items, ", "));
}

std::string write_texts(const std::vector<std::string>& texts) {
  std::vector<std::string> items(texts.size());
  std::transform(texts.begin(), texts.end(), items.begin(), write_text);
  return fmt::format("[{}]", fmt::join(items, ", "));
}

std::string write_range(Range range) {
  const bool has_min = range.min != -HUGE_VAL;
  const bool has_max = range.max != HUGE_VAL;
  if (has_min && has_max) {
    return fmt::format("[{}, {}]", write_number(range.min), write_number(range.max));
  }
  if (has_min) return ">= " + write_number(range.min);
  if (has_max) return "<= " + write_number(range.max);
  return {};
}

std::string write_flow(const Node& node) {
  if (node.is_null()) return "null";
  if (node.is_scalar()) {
    // A bare 3 or true in the file stays what it is.
    const bool bare =
        !node.is_quoted() && !node.scalar().empty() && looks_like_other_type(node.scalar());
    return bare ? node.scalar() : write_text(node.scalar());
  }
  std::vector<std::string> parts;
  if (node.is_sequence()) {
    for (const Node& item : node.items()) parts.push_back(write_flow(item));
    return fmt::format("[{}]", fmt::join(parts, ", "));
  }
  for (const auto& [key, where, value] : node.entries()) {
    parts.push_back(fmt::format("{}: {}", write_text(key), write_flow(value)));
  }
  return fmt::format("{{{}}}", fmt::join(parts, ", "));
}

}  // namespace cl::config
