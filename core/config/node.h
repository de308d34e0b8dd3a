// A YAML value that knows where it stands: file, line, column and dotted path.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace cl::config {

struct Tree;

/// One YAML value with its position. Immutable, cheap to copy, shared across threads.
/// Loading is stricter than YAML: duplicate keys, merge keys (`<<`), anchors, aliases, tags, keys
/// that are no plain text and further documents are errors. An empty file is a null value.
class Node {
 public:
  /// An empty value built in code: null, no file.
  Node();
  // Copying only: a moved-from node would have no value at all.
  Node(const Node&) = default;
  Node& operator=(const Node&) = default;

  /// @throws ConfigError with file, line and column for malformed YAML and for what the class
  /// comment excludes
  /// @throws Error if the file cannot be read
  static Node load(const std::filesystem::path& file);
  /// The same from text; `name` stands in for the file in messages, and relative paths start at
  /// `folder`.
  static Node parse(std::string_view text, const std::string& name,
                    const std::filesystem::path& folder = {});
  /// A scalar built in code: the default of a plug-in choice, say.
  static Node of(std::string_view text);

  [[nodiscard]] bool is_null() const;
  [[nodiscard]] bool is_scalar() const;
  [[nodiscard]] bool is_sequence() const;
  [[nodiscard]] bool is_map() const;
  /// Whether a scalar stands in quotes, and so is text even where it looks like a number.
  [[nodiscard]] bool is_quoted() const;

  /// The text of a scalar. @throws ConfigError for anything else
  [[nodiscard]] std::string scalar() const;
  /// The items of a sequence, in order. @throws ConfigError for anything else
  [[nodiscard]] std::vector<Node> items() const;
  /// The entries of a map (none for a null), in the order of the file; each value's `where()` is
  /// its own, `key_where` that of its key. @throws ConfigError for anything else
  struct Entry;
  [[nodiscard]] std::vector<Entry> entries() const;
  /// Whether this is a map with that key.
  [[nodiscard]] bool contains(std::string_view key) const;
  /// The value of `key`; @throws ConfigError naming the missing key.
  [[nodiscard]] Node at(std::string_view key) const;
  /// The value of `key`, or where there is none a null with the path it would have, at this node's
  /// position.
  [[nodiscard]] Node at_or_null(std::string_view key) const;

  /// A copy in which the value at the dotted `path` (relative to this node) is replaced by `value`,
  /// which keeps its position and folder; missing maps on the way are created, and a scalar plug-in
  /// choice `name` on the way becomes `name: {}` where the path goes on with that name.
  /// @throws ConfigError where the path runs through something that is no map, or has an empty part
  [[nodiscard]] Node with(std::string_view path, const Node& value) const;

  /// From the root: "learner.sema.bottleneck"; items of lists by number, "seeds.0".
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Where the value starts; for a null in a map, its key.
  [[nodiscard]] const SourceLocation& where() const;
  /// Folder that relative paths in this value start from.
  [[nodiscard]] const std::filesystem::path& folder() const;
  /// What stands here, for "expected ..., found ...": `'abc'`, `a list`, `a map`, `nothing`.
  [[nodiscard]] std::string found() const;

  /// @throws ConfigError at this node
  [[noreturn]] void fail(std::string_view problem) const;

 private:
  Node(std::shared_ptr<const Tree> tree, std::string path);
  [[nodiscard]] std::string child_path(std::string_view key) const;

  std::shared_ptr<const Tree> tree_;  // never null
  std::string path_;
};

struct Node::Entry {
  std::string key;
  SourceLocation key_where;
  Node value;
};

/// A plug-in choice written `name` or `name: {options}`.
struct Choice {
  std::string name;
  SourceLocation where;  // of the name
  Node options;          // null where none were given
};

/// @throws ConfigError unless the node has one of the two forms of a choice
Choice choice(const Node& node);

}  // namespace cl::config
