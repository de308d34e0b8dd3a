// What clsim says of its engine without starting it: help, version, plug-ins. The build asks the
// engine and compiles its answer into clsim, so that it is said in one place only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cl::experiments::cli {

/// One thing to choose.
struct ListedItem {
  std::string name;
  std::string summary;  // a few words
  std::string source;   // paper, or "baseline"
  std::string options;  // the table of them as Markdown, or that there are none; empty for a metric
};

struct ListedKind {
  std::string name;
  std::vector<ListedItem> items;
};

struct HelpText {
  std::string verb;  // "stream show"; empty: clsim as a whole
  std::string text;
};

struct EngineTexts {
  std::string version;
  std::vector<HelpText> help;  // that of a program of the name kNamelessProgram
  std::vector<ListedKind> kinds;
};

/// Stands in help texts for the name by which clsim was called.
inline constexpr std::string_view kNamelessProgram = "<clsim>";

/// `texts` as C++ source that defines engine_texts_json().
[[nodiscard]] std::string as_source(const EngineTexts& texts);

/// What as_source() wrote when this program was built.
[[nodiscard]] std::string_view engine_texts_json();
[[nodiscard]] EngineTexts read_engine_texts(std::string_view json);

}  // namespace cl::experiments::cli
