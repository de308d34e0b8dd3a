#include "core/config/read.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/check.h"
#include "core/config/registry.h"
#include "core/config/scalar.h"

namespace cl::config {
namespace {

class Reader final : public Fields {
 public:
  explicit Reader(const Node& node) { open(node); }

  /// To be called after the visit.
  void finish() {
    CL_CHECK(levels_.size() == 1, "begin and end do not match");
    close();
  }

  void field(Key key, bool& value, std::string_view) override {
    if (const auto node = take(key)) value = read_bool(*node);
  }
  void field(Key key, int64_t& value, std::string_view, Range range) override {
    if (const auto node = take(key)) value = read_integer(*node, range);
  }
  void field(Key key, double& value, std::string_view, Range range) override {
    if (const auto node = take(key)) value = read_number(*node, range);
  }
  void field(Key key, std::string& value, std::string_view, Choices choices) override {
    if (const auto node = take(key)) value = read_text(*node, choices);
  }
  void field(Key key, Path& value, std::string_view) override {
    const auto node = take(key);
    if (node) value.text = read_text(*node);
    value.folder = node ? node->folder() : levels_.back().node.folder();
  }
  void field(Key key, std::vector<int64_t>& value, std::string_view, Range range) override {
    list(key, value, [&](const Node& item) { return read_integer(item, range); });
  }
  void field(Key key, std::vector<double>& value, std::string_view, Range range) override {
    list(key, value, [&](const Node& item) { return read_number(item, range); });
  }
  void field(Key key, std::vector<std::string>& value, std::string_view) override {
    list(key, value, [](const Node& item) { return read_text(item); });
  }

  void plugin(Key key, Node& value, std::string_view kind, std::string_view) override {
    const auto node = take(key);
    if (node) {
      value = *node;
    } else if (value.is_null()) {
      // Reported by close(), behind any misspelled key that may be the cause.
      levels_.back().missing.emplace_back(key);
      return;
    } else {
      value = levels_.back().node.with(key, value).at(key);  // gives the default its path
    }
    Catalogue::of(kind).check(value);
  }
  void plugins(Key key, std::vector<Node>& values, std::string_view kind, std::string_view,
               size_t at_least) override {
    const auto node = take(key);
    if (node) values = node->items();
    if (values.size() < at_least) {
      if (node) {
        node->fail(fmt::format("expected at least {} of kind {}, found {}", at_least, kind,
                               values.size()));
      }
      levels_.back().missing.emplace_back(key);
      return;
    }
    for (const Node& value : values) Catalogue::of(kind).check(value);
  }

  void begin(Key key, std::string_view) override {
    const auto node = take(key);
    open(node ? *node : levels_.back().node.at_or_null(key));
  }
  void end() override {
    CL_CHECK(levels_.size() > 1, "end without begin");
    close();
  }
  void rule(const std::function<void(const Node&)>& check) override {
    levels_.back().rules.push_back(check);
  }

 private:
  struct Level {
    Node node;  // a map or null
    std::vector<std::string> known;
    std::vector<std::string> missing;
    std::vector<std::function<void(const Node&)>> rules;
  };

  void open(const Node& node) {
    if (!node.is_map() && !node.is_null()) {
      node.fail(fmt::format("expected a map of options, found {}", node.found()));
    }
    levels_.push_back({node, {}, {}, {}});
  }

  void close() {
    const Level level = std::move(levels_.back());
    levels_.pop_back();
    for (const auto& [key, where, value] : level.node.entries()) {
      if (std::find(level.known.begin(), level.known.end(), key) != level.known.end()) continue;
      throw ConfigError(where, value.path(), "unknown key" + did_you_mean(key, level.known));
    }
    for (const std::string& key : level.missing) (void)level.node.at(key);
    for (const auto& check : level.rules) check(level.node);
  }

  /// The value of `key`, if it is given.
  std::optional<Node> take(Key key) {
    Level& level = levels_.back();
    CL_CHECK(std::find(level.known.begin(), level.known.end(), key) == level.known.end(),
             "'{}' is visited twice", key);
    level.known.emplace_back(key);
    if (!level.node.contains(key)) return std::nullopt;
    return level.node.at(key);
  }

  template <class T, class ReadItem>
  void list(Key key, std::vector<T>& value, const ReadItem& read_item) {
    const auto node = take(key);
    if (!node) return;
    value.clear();
    for (const Node& item : node->items()) value.push_back(read_item(item));
  }

  std::vector<Level> levels_;
};

/// For comparing names: case and the choice of - or _ are slips of the pen.
std::string folded(std::string_view word) {
  std::string result(word);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '-' || c == ' ') c = '_';
  }
  return result;
}

/// The number of letters to insert, delete, replace or swap with their neighbour to get from `a` to
/// `b`.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before = std::exchange(above, std::exchange(row, std::move(before)));
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replace});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

void read_fields(const Node& node, const std::function<void(Fields&)>& visit) {
  Reader reader(node);
  visit(reader);
  reader.finish();
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  if (candidates.empty()) return "; none is known";
  const std::string* nearest = nullptr;
  size_t smallest = std::numeric_limits<size_t>::max();
  for (const std::string& candidate : candidates) {
    const size_t distance = edit_distance(folded(word), folded(candidate));
    // A third of the letters wrong is still a slip; of very short words all letters would be.
    const size_t longer = std::max(word.size(), candidate.size());
    const size_t limit = longer < 3 ? 0 : std::max<size_t>(1, longer / 3);
    if (distance <= limit && distance < smallest) {
      nearest = &candidate;
      smallest = distance;
    }
  }
  if (nearest) return fmt::format("; did you mean '{}'?", *nearest);
  return fmt::format("; known: {}", fmt::join(candidates, ", "));
}

}  // namespace cl::config
