// The scripts of the world that the Noto fonts draw, and their characters.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

namespace cl::glyphs {

struct CharacterRange {
  char32_t first = 0;
  char32_t last = 0;  // included; 0: no range
  char32_t step = 1;
};

struct WritingSystem {
  std::string_view name;
  std::string_view font;  // "Noto" + this + "-Regular.ttf"
  std::array<CharacterRange, 2> ranges;

  [[nodiscard]] std::vector<char32_t> characters() const;
};

/// By name. Each has at least 20 characters in the fonts of 2020.
[[nodiscard]] std::span<const WritingSystem> writing_systems();

}  // namespace cl::glyphs
