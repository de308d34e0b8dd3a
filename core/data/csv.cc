#include "core/data/csv.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"

namespace cl {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

class Parser {
 public:
  Parser(std::string_view text, std::string_view file) : text_(text), file_(file) {
    if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
  }

  std::vector<CsvRow> rows() {
    if (const size_t nul = text_.find('\0'); nul != std::string_view::npos) {
      const auto* const begin = text_.begin();
      fail(line_ + std::count(begin, begin + nul, '\n'), "a NUL character; expected text");
    }
    std::vector<CsvRow> result;
    while (!text_.empty()) {
      if (take_line_end()) continue;
      result.push_back(row());
    }
    return result;
  }

 private:
  CsvRow row() {
    CsvRow result{line_, {}};
    do {
      result.fields.push_back(text_.starts_with('"') ? quoted() : plain());
    } while (take(","));
    if (!text_.empty() && !take_line_end()) {
      fail(line_, "text behind a closing quote; a quote inside quotes is written twice");
    }
    return result;
  }

  std::string plain() {
    const std::string_view rest = text_;
    while (!text_.empty() && text_[0] != ',' && text_[0] != '\n' && !text_.starts_with("\r\n")) {
      if (text_[0] == '"') fail(line_, "a quote inside a field that does not begin with one");
      text_.remove_prefix(1);
    }
    return std::string(rest.substr(0, rest.size() - text_.size()));
  }

  std::string quoted() {
    const int64_t begin = line_;
    std::string field;
    take("\"");
    while (!text_.empty()) {
      if (take("\"\"")) {
        field += '"';
      } else if (take("\"")) {
        return field;
      } else {
        if (text_[0] == '\n') ++line_;
        field += text_[0];
        text_.remove_prefix(1);
      }
    }
    fail(begin, "a quote that is never closed");
  }

  bool take(std::string_view token) {
    if (!text_.starts_with(token)) return false;
    text_.remove_prefix(token.size());
    return true;
  }

  bool take_line_end() {
    if (!take("\r\n") && !take("\n")) return false;
    ++line_;
    return true;
  }

  [[noreturn]] void fail(int64_t line, std::string_view problem) const {
    throw Error(fmt::format("{}:{}: {}", file_, line, problem));
  }

  std::string_view text_;  // what is left
  std::string_view file_;
  int64_t line_ = 1;
};

}  // namespace

std::vector<CsvRow> parse_csv(std::string_view text, std::string_view file) {
  return Parser(text, file).rows();
}

}  // namespace cl
