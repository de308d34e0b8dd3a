#include "core/config/node.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.h"
#include "core/config/tree.h"

namespace cl::config {
namespace {

constexpr size_t kMaxShown = 60;  // characters of a scalar quoted in a message

using TreePtr = std::shared_ptr<const Tree>;

/// The first part of a dotted path, and the rest if there is one.
std::pair<std::string_view, std::optional<std::string_view>> split_path(std::string_view path) {
  const size_t dot = path.find('.');
  if (dot == std::string_view::npos) return {path, std::nullopt};
  return {path.substr(0, dot), path.substr(dot + 1)};
}

/// `tree` with `value` at `rest`; `walked` is the path of `tree` itself, for messages.
TreePtr replaced(const Tree& tree, std::string_view rest, const TreePtr& value,
                 const std::string& walked) {
  const auto [key, deeper] = split_path(rest);
  if (key.empty()) {
    throw ConfigError(value->where, walked, fmt::format("empty part in the path '{}'", rest));
  }
  auto copy = std::make_shared<Tree>(tree);
  if (tree.kind == Tree::Kind::kNull || (tree.kind == Tree::Kind::kScalar && tree.text == key)) {
    copy->kind = Tree::Kind::kMap;
    copy->text.clear();
    copy->quoted = false;
    const auto& key_where = tree.kind == Tree::Kind::kScalar ? tree.where : value->where;
    copy->members = {{std::string(key), key_where, nullptr}};
  } else if (tree.kind != Tree::Kind::kMap) {
    throw ConfigError(tree.where, walked,
                      fmt::format("expected a map to set '{}' in, found {}", rest,
                                  tree.kind == Tree::Kind::kScalar ? "'" + tree.text + "'"
                                                                   : std::string("a list")));
  } else if (!tree.find(key)) {
    copy->members.push_back({std::string(key), value->where, nullptr});
  }
  for (Tree::Member& member : copy->members) {
    if (member.key != key) continue;
    if (!deeper) {
      member.value = value;
      continue;
    }
    const std::string path = walked.empty() ? member.key : walked + "." + member.key;
    Tree created;
    created.where = member.value ? member.value->where : member.key_where;
    created.folder = copy->folder;
    member.value = replaced(member.value ? *member.value : created, *deeper, value, path);
  }
  return copy;
}

}  // namespace

Node::Node() : tree_(std::make_shared<Tree>()) {}

Node::Node(std::shared_ptr<const Tree> tree, std::string path)
    : tree_(std::move(tree)), path_(std::move(path)) {}

Node Node::load(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::error_code error;
  const bool directory = std::filesystem::is_directory(file, error);
  if (!stream || directory) {
    const int reason = directory ? EISDIR : errno;
    throw Error(fmt::format("cannot read '{}': {}", file.string(),
                            std::generic_category().message(reason)));
  }
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (stream.bad()) throw Error(fmt::format("cannot read '{}'", file.string()));
  return parse(text, file.string(), file.parent_path());
}

Node Node::parse(std::string_view text, const std::string& name,
                 const std::filesystem::path& folder) {
  return {parse_tree(text, name, folder), ""};
}

Node Node::of(std::string_view text) {
  Tree tree;
  tree.kind = Tree::Kind::kScalar;
  tree.text = text;
  return {std::make_shared<const Tree>(std::move(tree)), ""};
}

bool Node::is_null() const {
  return tree_->kind == Tree::Kind::kNull;
}
bool Node::is_scalar() const {
  return tree_->kind == Tree::Kind::kScalar;
}
bool Node::is_sequence() const {
  return tree_->kind == Tree::Kind::kSequence;
}
bool Node::is_map() const {
  return tree_->kind == Tree::Kind::kMap;
}
bool Node::is_quoted() const {
  return tree_->quoted;
}

const SourceLocation& Node::where() const {
  return tree_->where;
}
const std::filesystem::path& Node::folder() const {
  return tree_->folder;
}

std::string Node::scalar() const {
  if (!is_scalar()) fail(fmt::format("expected a single value, found {}", found()));
  return tree_->text;
}

std::vector<Node> Node::items() const {
  if (!is_sequence()) fail(fmt::format("expected a list, found {}", found()));
  std::vector<Node> result;
  for (const Tree::Member& member : tree_->members) {
    result.push_back({member.value, child_path(std::to_string(result.size()))});
  }
  return result;
}

std::vector<Node::Entry> Node::entries() const {
  if (!is_map() && !is_null()) fail(fmt::format("expected a map, found {}", found()));
  std::vector<Entry> result;
  for (const Tree::Member& member : tree_->members) {
    result.push_back({member.key, member.key_where, Node(member.value, child_path(member.key))});
  }
  return result;
}

bool Node::contains(std::string_view key) const {
  return tree_->find(key) != nullptr;
}

Node Node::at(std::string_view key) const {
  if (!is_map() && !is_null()) {
    fail(fmt::format("expected a map with the key '{}', found {}", key, found()));
  }
  const Tree::Member* member = tree_->find(key);
  if (!member) fail(fmt::format("missing key '{}'", key));
  return {member->value, child_path(key)};
}

Node Node::at_or_null(std::string_view key) const {
  if (const Tree::Member* member = tree_->find(key)) return {member->value, child_path(key)};
  Tree missing;
  missing.where = where();
  missing.folder = folder();
  return {std::make_shared<const Tree>(std::move(missing)), child_path(key)};
}

Node Node::with(std::string_view path, const Node& value) const {
  const auto num_parts = static_cast<size_t>(std::count(path.begin(), path.end(), '.')) + 1;
  if (num_parts > kMaxDepth) {
    throw ConfigError(value.where(), path_,
                      fmt::format("a path of {} parts, '{}...'; expected at most {}", num_parts,
                                  path.substr(0, kMaxShown), kMaxDepth));
  }
  return {replaced(*tree_, path, value.tree_, path_), path_};
}

std::string Node::found() const {
  switch (tree_->kind) {
    case Tree::Kind::kNull:
      return "nothing";
    case Tree::Kind::kSequence:
      return "a list";
    case Tree::Kind::kMap:
      return "a map";
    case Tree::Kind::kScalar:
      break;
  }
  const std::string& text = tree_->text;
  const bool whole = text.size() <= kMaxShown;
  return fmt::format("{}'{}{}'", tree_->quoted ? "the text " : "", text.substr(0, kMaxShown),
                     whole ? "" : "...");
}

void Node::fail(std::string_view problem) const {
  throw ConfigError(where(), path_, problem);
}

std::string Node::child_path(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

Choice choice(const Node& node) {
  if (node.is_scalar() && !node.scalar().empty()) {
    return {node.scalar(), node.where(), node.at_or_null(node.scalar())};
  }
  const auto entries = node.is_map() ? node.entries() : std::vector<Node::Entry>{};
  if (entries.empty()) {
    node.fail(fmt::format("expected 'name' or 'name: {{options}}', found {}", node.found()));
  }
  const auto& [name, where, options] = entries.front();
  if (entries.size() > 1) {
    throw ConfigError(entries[1].key_where, node.path(),
                      fmt::format("expected one choice, found '{}' after '{}'; options stand "
                                  "below the name, indented",
                                  entries[1].key, name));
  }
  if (!options.is_map() && !options.is_null()) {
    options.fail(fmt::format("expected a map of options, found {}", options.found()));
  }
  return {name, where, options};
}

}  // namespace cl::config
