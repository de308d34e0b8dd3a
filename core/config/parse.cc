// YAML text -> Tree, from yaml-cpp's events: its own nodes drop duplicate keys and forget which
// scalars were quoted.
#include <algorithm>
#include <sstream>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "core/base/printable.h"
#include "core/config/tree.h"

namespace cl::config {
namespace {

SourceLocation location(const std::string& file, const YAML::Mark& mark) {
  return {file, mark.line + 1, mark.column + 1};
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string file, std::filesystem::path folder)
      : file_(std::move(file)), folder_(std::move(folder)) {
    root_ = make(Tree::Kind::kNull, YAML::Mark{});
  }

  [[nodiscard]] std::shared_ptr<const Tree> root() const { return root_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    // yaml-cpp also takes garbage behind a closing bracket for another document.
    if (std::exchange(started_, true)) fail(mark, "text after the end of the only document");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    if (expects_key()) fail(mark, "expected a key, found nothing");
    if (open_.empty()) return;  // an empty document: the root stays the null it was
    auto tree = make(Tree::Kind::kNull, mark);
    // yaml-cpp gives an omitted value the position of whatever comes next.
    if (open_.back().tree->kind == Tree::Kind::kMap) {
      tree->where = open_.back().key_where;
    }
    add(std::move(tree));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    fail(mark, "aliases are not supported; write the value out");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (value.find('\0') != std::string::npos) {
      fail(mark, "a NUL character, which no option takes");
    }
    if (expects_key()) return set_key(mark, value);
    auto tree = make(Tree::Kind::kScalar, mark);
    tree->text = value;
    tree->quoted = tag == "!";
    add(std::move(tree));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    start(Tree::Kind::kSequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { open_.pop_back(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    start(Tree::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { open_.pop_back(); }

 private:
  struct Open {
    std::shared_ptr<Tree> tree;
    std::string key;  // of the value that comes next
    SourceLocation key_where;
    std::unordered_map<std::string, int> lines;  // of the keys so far
    bool has_key = false;
  };

  [[nodiscard]] std::shared_ptr<Tree> make(Tree::Kind kind, const YAML::Mark& mark) const {
    auto tree = std::make_shared<Tree>();
    tree->kind = kind;
    tree->where = location(file_, mark);
    tree->folder = folder_;
    return tree;
  }

  [[nodiscard]] bool expects_key() const {
    return !open_.empty() && open_.back().tree->kind == Tree::Kind::kMap && !open_.back().has_key;
  }

  void start(Tree::Kind kind, const YAML::Mark& mark, const std::string& tag,
             YAML::anchor_t anchor) {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (expects_key()) {
      // For an open `{a: 1`, too, yaml-cpp reports a map as the key of another.
      fail(mark, fmt::format("expected a key, found {} (or a bracket that is never closed)",
                             kind == Tree::Kind::kMap ? "a map" : "a list"));
    }
    if (open_.size() >= kMaxDepth) {
      fail(mark, fmt::format("nested more than {} levels deep", kMaxDepth));
    }
    auto tree = make(kind, mark);
    add(tree);
    open_.push_back({.tree = std::move(tree), .key = {}, .key_where = {}, .lines = {}});
  }

  void set_key(const YAML::Mark& mark, const std::string& key) {
    Open& map = open_.back();
    if (key.empty()) fail(mark, "empty key");
    map.key = key;
    map.key_where = location(file_, mark);
    map.has_key = true;
    if (key == "<<") fail(mark, "merge keys are not supported; write the values out");
    const auto [first, is_new] = map.lines.emplace(key, map.key_where.line);
    if (!is_new) fail(mark, fmt::format("duplicate key; first at line {}", first->second));
  }

  void add(std::shared_ptr<Tree> tree) {
    if (open_.empty()) {
      root_ = std::move(tree);
      return;
    }
    Open& parent = open_.back();
    parent.has_key = false;
    parent.tree->members.push_back({parent.key, parent.key_where, std::move(tree)});
  }

  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) const {
    if (anchor != YAML::NullAnchor) fail(mark, "anchors are not supported; write the value out");
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) const {
    const bool implicit = tag.empty() || tag == "?" || tag == "!";  // "!" marks a quoted scalar
    if (!implicit) fail(mark, fmt::format("tags are not supported; remove '{}'", tag));
  }

  [[noreturn]] void fail(const YAML::Mark& mark, std::string_view problem) const {
    std::string path;
    for (const Open& open : open_) {
      const bool innermost = &open == &open_.back();
      const bool sequence = open.tree->kind == Tree::Kind::kSequence;
      if (innermost && !sequence && !open.has_key) break;
      // An open container is already a member of its parent.
      const size_t index = open.tree->members.size() - (innermost ? 0 : 1);
      if (!path.empty()) path += '.';
      path += sequence ? std::to_string(index) : open.key;
    }
    throw ConfigError(location(file_, mark), path, problem);
  }

  std::string file_;
  std::filesystem::path folder_;
  std::shared_ptr<const Tree> root_;
  std::vector<Open> open_;
  bool started_ = false;
};

/// Whether a text may hold it: a tab, or the end of a line, or what can be seen.
bool is_text(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || c == '\n' || c == '\r' || (byte >= 0x20 && byte != 0x7f);
}

/// yaml-cpp ends at some control characters as if the file ended there, puts others into values,
/// and replaces what is no UTF-8.
void check_characters(std::string_view text, const std::string& file) {
  int line = 1;
  for (std::string_view rest = text; !rest.empty(); ++line) {
    const std::string_view row = rest.substr(0, std::min(rest.find('\n'), rest.size()));
    const auto wrong = std::find_if_not(row.begin(), row.end(), is_text);
    if (wrong != row.end()) {
      const auto byte = static_cast<unsigned char>(*wrong);
      throw ConfigError(
          {file, line, static_cast<int>(wrong - row.begin()) + 1}, "",
          byte == 0 ? "a NUL character; expected text in UTF-8"
                    : fmt::format("a control character (0x{:02x}); expected text in UTF-8", byte));
    }
    if (!is_utf8(row)) {
      throw ConfigError({file, line, 1}, "", "this line is no UTF-8, which a YAML file has to be");
    }
    rest.remove_prefix(std::min(row.size() + 1, rest.size()));
  }
}

}  // namespace

std::shared_ptr<const Tree> parse_tree(std::string_view text, const std::string& file,
                                       const std::filesystem::path& folder) {
  check_characters(text, file);
  // yaml-cpp closes an open quote silently at the end of the text, but not at the end of a
  // document.
  std::string closed(text);
  closed += text.ends_with('\n') ? "...\n" : "\n...\n";
  std::istringstream stream(closed);
  TreeBuilder builder(file, folder);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    const bool quote = error.msg == YAML::ErrorMsg::DOC_IN_SCALAR;
    throw ConfigError(location(file, error.mark), "",
                      quote ? "the text ends inside quotes" : error.msg);
  }
  return builder.root();
}

}  // namespace cl::config
