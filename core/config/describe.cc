#include "core/config/describe.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/config/scalar.h"

namespace cl::config {
namespace {

class Describer final : public Fields {
 public:
  [[nodiscard]] std::vector<OptionRow> rows() && { return std::move(rows_); }

  void field(Key key, bool& value, std::string_view doc) override {
    add(key, "yes/no", {}, value ? "true" : "false", doc);
  }
  void field(Key key, int64_t& value, std::string_view doc, Range range) override {
    add(key, "integer", range, std::to_string(value), doc);
  }
  void field(Key key, double& value, std::string_view doc, Range range) override {
    add(key, "number", range, write_number(value), doc);
  }
  void field(Key key, std::string& value, std::string_view doc, Choices choices) override {
    const std::string type =
        choices.empty() ? "text" : fmt::format("one of {}", fmt::join(choices, ", "));
    add(key, type, {}, write_text(value), doc);
  }
  void field(Key key, Path& value, std::string_view doc) override {
    add(key, "file", {}, write_text(value.text), doc);
  }
  void field(Key key, std::vector<int64_t>& value, std::string_view doc, Range range) override {
    add(key, "list of integers", range, fmt::format("[{}]", fmt::join(value, ", ")), doc);
  }
  void field(Key key, std::vector<double>& value, std::string_view doc, Range range) override {
    add(key, "list of numbers", range, write_numbers(value), doc);
  }
  void field(Key key, std::vector<std::string>& value, std::string_view doc) override {
    add(key, "list of texts", {}, write_texts(value), doc);
  }
  void plugin(Key key, Node& value, std::string_view kind, std::string_view doc) override {
    add(key, kind, {}, value.is_null() ? "(required)" : write_flow(value), doc);
  }
  void plugins(Key key, std::vector<Node>& values, std::string_view kind, std::string_view doc,
               size_t at_least) override {
    std::vector<std::string> items;
    for (const Node& value : values) items.push_back(write_flow(value));
    add(key, fmt::format("list of {}s", kind), {},
        values.size() < at_least ? "(required)" : fmt::format("[{}]", fmt::join(items, ", ")), doc);
  }

  void begin(Key key, std::string_view) override { groups_.emplace_back(key); }
  void end() override { groups_.pop_back(); }

 private:
  void add(Key key, std::string_view type, Range range, std::string value, std::string_view doc) {
    std::string path;
    for (const std::string& group : groups_) path += group + ".";
    rows_.push_back({.key = path.append(key),
                     .type = std::string(type),
                     .range = write_range(range),
                     .value = std::move(value),
                     .doc = std::string(doc)});
  }

  std::vector<OptionRow> rows_;
  std::vector<std::string> groups_;
};

constexpr size_t kNumColumns = 5;
using Cells = std::array<std::string, kNumColumns>;

std::string cell(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '|') result += '\\';
    result += c;
  }
  return result;
}

/// Characters, not bytes, of UTF-8 text.
size_t width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

}  // namespace

std::vector<OptionRow> describe_fields(const std::function<void(Fields&)>& visit) {
  Describer describer;
  visit(describer);
  return std::move(describer).rows();
}

std::string to_markdown(const std::vector<OptionRow>& rows) {
  std::vector<Cells> table{{"option", "type", "range", "default", "meaning"}};
  for (const OptionRow& row : rows) {
    table.push_back(
        {cell(row.key), cell(row.type), cell(row.range), cell(row.value), cell(row.doc)});
  }
  std::array<size_t, kNumColumns> widths{};
  for (const Cells& cells : table) {
    for (size_t i = 0; i < kNumColumns; ++i) widths[i] = std::max(widths[i], width(cells[i]));
  }
  Cells rule;
  for (size_t i = 0; i < kNumColumns; ++i) rule[i].assign(widths[i], '-');
  table.insert(table.begin() + 1, rule);

  std::string text;
  for (const Cells& cells : table) {
    for (size_t i = 0; i < kNumColumns; ++i) {
      text += fmt::format("| {}{:{}} ", cells[i], "", widths[i] - width(cells[i]));
    }
    text += "|\n";
  }
  return text;
}

}  // namespace cl::config
