#include "tests/architecture/source_tree.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>

namespace cl::architecture {
namespace {

namespace fs = std::filesystem;

std::vector<SourceFile> load() {
  const fs::path root(CL_SOURCE_DIR);
  std::vector<SourceFile> files;
  for (const char* folder : {"core", "learners", "streams", "experiments", "analysis", "tests"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string ending = entry.path().extension().string();
      if (ending != ".h" && ending != ".cc") continue;
      std::ifstream stream(entry.path(), std::ios::binary);
      files.push_back({fs::relative(entry.path(), root).generic_string(),
                       {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()}});
    }
  }
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

/// The end of what begins at `begin` (a comment or a literal), or `begin` if nothing does.
size_t end_of_blank(const std::string& text, size_t begin) {
  const auto after = [&](const std::string& mark, size_t from) {
    const size_t found = text.find(mark, from);
    return found == std::string::npos ? text.size() : found + mark.size();
  };
  if (text.compare(begin, 2, "//") == 0) return std::min(text.find('\n', begin), text.size());
  if (text.compare(begin, 2, "/*") == 0) return after("*/", begin + 2);
  if (text.compare(begin, 2, "R\"") == 0) {
    const size_t open = text.find('(', begin);
    return open == std::string::npos
               ? begin
               : after(")" + text.substr(begin + 2, open - begin - 2) + "\"", open);
  }
  const bool is_separator = text[begin] == '\'' && begin > 0 && std::isalnum(text[begin - 1]) != 0;
  if (text[begin] != '"' && (text[begin] != '\'' || is_separator)) return begin;
  size_t i = begin + 1;
  while (i < text.size() && text[i] != text[begin] && text[i] != '\n') i += text[i] == '\\' ? 2 : 1;
  return std::min(i + 1, text.size());
}

}  // namespace

const std::vector<SourceFile>& source_files() {
  static const std::vector<SourceFile> kFiles = load();
  return kFiles;
}

std::vector<Include> includes(const SourceFile& file) {
  static const std::regex kPattern(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::vector<Include> result;
  std::istringstream stream(file.text);
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    std::smatch match;
    if (std::regex_search(line, match, kPattern)) {
      result.push_back({number, match[2].str(), match[1].str() == "\""});
    }
  }
  return result;
}

std::string code_only(const std::string& text) {
  std::string result = text;
  for (size_t i = 0; i < text.size();) {
    const size_t end = end_of_blank(text, i);
    for (size_t j = i; j < end; ++j) {
      if (text[j] != '\n') result[j] = ' ';
    }
    i = std::max(end, i + 1);
  }
  return result;
}

}  // namespace cl::architecture
