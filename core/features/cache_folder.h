// A folder of cached activations, marked as one, from which nothing else is ever removed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/weights/open_file.h"

namespace cl {

/// Whether it is a name of a group: 16 hexadecimal digits.
[[nodiscard]] bool is_group(std::string_view name);
/// Whether it is a name of a piece: lower-case letters and digits, '-', a number.
[[nodiscard]] bool is_piece(std::string_view name);

/// A file that is the cache's by its place and name.
struct CachedFile {
  /// A draft is what a process is writing, or was when it ended (core/base/replacement.h).
  enum class Kind { kActivations, kAbout, kDraft };

  std::string group, name;  // group: empty for drafts of the mark itself
  Kind kind = Kind::kActivations;
  int64_t writer = 0;  // process of a draft
  int64_t bytes = 0;
  std::filesystem::file_time_type last_used{};
};

/// FOLDER/GROUP/PIECE.act and FOLDER/GROUP/about.txt, their drafts, and the mark: the file
/// CACHEDIR.TAG of https://bford.info/cachedir, so that backups pass the folder over, with a line
/// that tells this cache from those of other programs. The folder may be given as a link. In it
/// links are neither followed nor removed, and what has another name is not touched. Where the mark
/// is missing nothing is removed.
/// Immutable, shared across threads and processes, which may remove things meanwhile: what cannot
/// be looked at is not there.
class CacheFolder {
 public:
  explicit CacheFolder(std::filesystem::path path) : path_(std::move(path)) {}

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] bool is_marked() const;
  /// Makes the folder where there is none, and marks one that is empty or holds nothing but files
  /// of the cache, as those of earlier versions did. @throws Error for any other
  void claim() const;

  /// By group and name.
  [[nodiscard]] std::vector<CachedFile> files() const;
  /// Nullopt: there is none. @throws Error if it cannot be opened
  [[nodiscard]] std::optional<OpenFile> open(const std::string& group,
                                             const std::string& name) const;
  /// Where a file is to be written; makes the group's folder.
  /// @throws Error where a link or something else is in the way
  [[nodiscard]] std::filesystem::path place_of(const std::string& group,
                                               const std::string& name) const;

  /// Removes files, and groups of which nothing but about.txt is left. @return those that are gone
  std::vector<CachedFile> remove(std::span<const CachedFile> files) const;
  /// Removes all that is the cache's but the mark. @return bytes freed, descriptions aside
  /// @throws Error where there is something, and no mark: it says what to do
  int64_t clear() const;

 private:
  /// An entry, or one in a group, that no cache has. @return its place below the folder
  [[nodiscard]] std::optional<std::string> foreign_entry() const;

  std::filesystem::path path_;
};

/// The file that belongs to a piece.
[[nodiscard]] std::string activations_name(std::string_view piece);
inline constexpr const char* kAboutName = "about.txt";

}  // namespace cl
