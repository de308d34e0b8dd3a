// A YAML value that knows where it stands: file, line, column and dotted path.
#pragma once

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/error.h"

namespace cl::config {

/// One YAML value with its position. Copies are cheap; the text behind them is never changed (see `with`).
/// Loading rejects what yaml-cpp lets through: duplicate keys, merge keys (`<<`), anchors, several documents.
class Node {
 public:
  /// An empty value built in code: null, no file.
  Node() = default;

  /// @throws ConfigError with file, line and column for malformed YAML, a duplicate key, a merge key
  /// @throws Error if the file cannot be read
  static Node load(const std::filesystem::path& file);
  /// The same from text; `name` stands in for the file in messages, and relative paths start at `folder`.
  static Node parse(std::string_view text, std::string name, std::filesystem::path folder = {});

  [[nodiscard]] bool is_null() const;
  [[nodiscard]] bool is_scalar() const;
  [[nodiscard]] bool is_sequence() const;
  [[nodiscard]] bool is_map() const;

  /// The text of a scalar.
  [[nodiscard]] std::string scalar() const;
  /// The items of a sequence, in order.
  [[nodiscard]] std::vector<Node> items() const;
  /// The entries of a map, in the order of the file; each value's `where()` is its own, `key_where` that of its key.
  struct Entry;
  [[nodiscard]] std::vector<Entry> entries() const;
  [[nodiscard]] bool contains(std::string_view key) const;
  /// The value of `key`; @throws ConfigError naming the missing key.
  [[nodiscard]] Node at(std::string_view key) const;

  /// A deep copy in which the value at the dotted `path` (relative to this node) is replaced by `value`; missing maps
  /// on the way are created, and a scalar plug-in choice `name` on the way becomes `name: {}` where the path goes on
  /// with that name. @throws ConfigError where the path runs through something that is no map.
  [[nodiscard]] Node with(std::string_view path, const Node& value) const;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const SourceLocation& where() const { return where_; }
  /// Folder that relative paths in this value start from.
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] const YAML::Node& yaml() const { return yaml_; }

  /// @throws ConfigError at this node
  [[noreturn]] void fail(std::string_view problem) const;

 private:
  YAML::Node yaml_;
  std::string path_;
  SourceLocation where_;
  std::filesystem::path folder_;
};

struct Node::Entry {
  std::string key;
  SourceLocation key_where;
  Node value;
};

/// A plug-in choice written `name` or `name: {options}`.
struct Choice {
  std::string name;
  Node options;  // null where none were given
};

/// @throws ConfigError unless the node has one of the two forms of a choice
Choice choice(const Node& node);

}  // namespace cl::config
