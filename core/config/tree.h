// What stands behind a Node: an immutable YAML tree with positions. Included by config/*.cc only.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace cl::config {

/// Levels of maps and lists that a text or a path may have. No option lies nearly as deep, and what
/// goes through a tree may do so by recursion.
inline constexpr size_t kMaxDepth = 100;

struct Tree {
  enum class Kind { kNull, kScalar, kSequence, kMap };
  struct Member {
    std::string key;  // empty in a sequence
    SourceLocation key_where;
    std::shared_ptr<const Tree> value;
  };

  /// The member of a map with that key, or null.
  [[nodiscard]] const Member* find(std::string_view key) const {
    for (const Member& member : members) {
      if (kind == Kind::kMap && member.key == key) return &member;
    }
    return nullptr;
  }

  Kind kind = Kind::kNull;
  std::string text;  // of a scalar
  bool quoted = false;
  std::vector<Member> members;  // of a sequence or map
  SourceLocation where;
  std::filesystem::path folder;
};

/// Builds the tree of one document; @throws ConfigError as Node::load
std::shared_ptr<const Tree> parse_tree(std::string_view text, const std::string& file,
                                       const std::filesystem::path& folder);

}  // namespace cl::config
