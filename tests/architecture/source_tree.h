// The project's own files, for the tests that read them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace cl::architecture {

struct SourceFile {
  std::string path;  // from the root, "core/nn/hooks.h"
  std::string text;

  [[nodiscard]] bool is_header() const { return path.ends_with(".h"); }
};

/// Every .h and .cc below core, learners, streams, experiments, analysis and tests, by path.
[[nodiscard]] const std::vector<SourceFile>& source_files();

struct Include {
  int line;            // 1-based
  std::string target;  // "core/nn/hooks.h" or "vector"
  bool is_ours;        // in quotes
};
[[nodiscard]] std::vector<Include> includes(const SourceFile& file);

/// The text with comments and the content of literals blanked, line breaks kept.
[[nodiscard]] std::string code_only(const std::string& text);

}  // namespace cl::architecture
