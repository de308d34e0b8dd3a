#include "core/features/cache_folder.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <memory>
#include <set>
#include <system_error>
#include <tuple>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/replacement.h"
#include "core/features/activation_file.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".act", kDraftEnding = ".draft";
constexpr size_t kGroupDigits = 16;

constexpr const char* kMarkName = "CACHEDIR.TAG";
/// The first line is the same for all caches of all programs.
constexpr std::string_view kSignature = "Signature: 8a477f597d28d172789f06886806bc55\n";
constexpr std::string_view kOwnLine = "# clsim: activations of frozen networks\n";
constexpr std::string_view kRest =
    "# They are computed anew where they are missing; 'clsim cache clear' removes them.\n"
    "# What this file is for: https://bford.info/cachedir/\n";

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int value() const { return value_; }
  [[nodiscard]] bool is_open() const { return value_ >= 0; }

 private:
  int value_;
};

/// The cache's own folder may be a link, groups may not.
int open_root(const fs::path& path) {
  return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}
int open_group(int root, const std::string& group) {
  if (group.empty()) return ::openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return ::openat(root, group.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

struct Entry {
  std::string name;
  struct stat status {};
};

/// What is in an open folder, links as links, by name.
std::vector<Entry> entries_of(const Descriptor& folder) {
  std::vector<Entry> result;
  if (!folder.is_open()) return result;
  const int own = ::openat(folder.value(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0) return result;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(own), ::closedir);
  if (!stream) {
    ::close(own);
    return result;
  }
  while (const dirent* found = ::readdir(stream.get())) {
    Entry entry{found->d_name, {}};
    if (entry.name == "." || entry.name == "..") continue;
    if (::fstatat(folder.value(), found->d_name, &entry.status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    result.push_back(std::move(entry));
  }
  std::sort(result.begin(), result.end(),
            [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return result;
}

bool consists_of(std::string_view text, std::string_view letters) {
  return !text.empty() && text.find_first_not_of(letters) == std::string_view::npos;
}

constexpr std::string_view kDigits = "0123456789";

/// "NAME.PID-N.draft": the name that it is to take, and the process.
std::optional<std::pair<std::string_view, int64_t>> parse_draft(std::string_view name) {
  if (!name.ends_with(kDraftEnding)) return std::nullopt;
  name.remove_suffix(kDraftEnding.size());
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view writer = name.substr(dot + 1);
  const size_t dash = std::min(writer.find('-'), writer.size());
  int64_t process = 0;
  const auto parsed = std::from_chars(writer.data(), writer.data() + dash, process);
  const bool fits = consists_of(writer.substr(0, dash), kDigits) && parsed.ec == std::errc() &&
                    dash < writer.size() && consists_of(writer.substr(dash + 1), kDigits);
  if (!fits) return std::nullopt;
  return std::pair{name.substr(0, dot), process};
}

std::optional<CachedFile::Kind> kind_of(std::string_view name) {
  if (name == kAboutName) return CachedFile::Kind::kAbout;
  if (!name.ends_with(kEnding)) return std::nullopt;
  name.remove_suffix(kEnding.size());
  if (!is_piece(name)) return std::nullopt;
  return CachedFile::Kind::kActivations;
}

/// The entry as a file of the cache, if it is one.
std::optional<CachedFile> cached_file(const std::string& group, const Entry& entry) {
  if (!S_ISREG(entry.status.st_mode)) return std::nullopt;
  CachedFile file{.group = group, .name = entry.name};
  if (const auto draft = parse_draft(entry.name)) {
    const auto& [target, writer] = *draft;
    if (group.empty() ? target != kMarkName : !kind_of(target)) return std::nullopt;
    file.kind = CachedFile::Kind::kDraft;
    file.writer = writer;
  } else {
    const auto kind = group.empty() ? std::nullopt : kind_of(entry.name);
    if (!kind) return std::nullopt;
    file.kind = *kind;
  }
  file.bytes = entry.status.st_size;
  const timespec& time = entry.status.st_mtim;
  file.last_used = fs::file_time_type::clock::from_sys(std::chrono::sys_time(
      std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec)));
  return file;
}

bool is_group_folder(const Entry& entry) {
  return S_ISDIR(entry.status.st_mode) && is_group(entry.name);
}

/// Removes a group of which nothing but its description is left. Whoever is about to write into it
/// makes it again.
void tidy(const Descriptor& root, const std::string& group) {
  const Descriptor folder(open_group(root.value(), group));
  const std::vector<Entry> left = entries_of(folder);
  const bool is_empty = std::all_of(left.begin(), left.end(), [&](const Entry& entry) {
    const auto file = cached_file(group, entry);
    return file && file->kind == CachedFile::Kind::kAbout;
  });
  if (!folder.is_open() || !is_empty) return;
  for (const Entry& entry : left) (void)::unlinkat(folder.value(), entry.name.c_str(), 0);
  (void)::unlinkat(root.value(), group.c_str(), AT_REMOVEDIR);
}

}  // namespace

bool is_group(std::string_view name) {
  return name.size() == kGroupDigits && consists_of(name, "0123456789abcdef");
}

bool is_piece(std::string_view name) {
  const size_t dash = std::min(name.find('-'), name.size());
  return consists_of(name.substr(0, dash), "abcdefghijklmnopqrstuvwxyz0123456789") &&
         dash < name.size() && consists_of(name.substr(dash + 1), kDigits);
}

std::string activations_name(std::string_view piece) {
  return std::string(piece).append(kEnding);
}

bool CacheFolder::is_marked() const {
  const Descriptor root(open_root(path_));
  if (!root.is_open()) return false;
  const int found =
      ::openat(root.value(), kMarkName, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (found < 0) return false;
  try {
    const OpenFile mark(found, path_ / kMarkName);
    std::string begin(kSignature.size() + kOwnLine.size(), '\0');
    if (mark.size() < static_cast<int64_t>(begin.size())) return false;
    mark.read(0, std::as_writable_bytes(std::span(begin)));
    return begin == std::string(kSignature).append(kOwnLine);
  } catch (const Error&) {
    return false;
  }
}

std::optional<std::string> CacheFolder::foreign_entry() const {
  const Descriptor root(open_root(path_));
  for (const Entry& entry : entries_of(root)) {
    if (cached_file("", entry)) continue;  // another process is about to mark it
    if (!is_group_folder(entry)) return entry.name;
    const Descriptor group(open_group(root.value(), entry.name));
    for (const Entry& inner : entries_of(group)) {
      const fs::path place = fs::path(entry.name) / inner.name;
      const auto file = cached_file(entry.name, inner);
      if (!file) return place.string();
      if (file->kind != CachedFile::Kind::kActivations || file->bytes == 0) continue;
      const auto content = open(entry.name, inner.name);
      if (content && !is_activation_file(*content)) return place.string();
    }
  }
  return std::nullopt;
}

void CacheFolder::claim() const {
  if (is_marked()) return;
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) {
    throw Error(fmt::format("{}: cannot create the folder: {}", path_.string(), error.message()));
  }
  const auto foreign = foreign_entry();
  if (foreign && !is_marked()) {  // another process may just have marked it and gone on
    throw Error(
        fmt::format("the folder '{}' holds '{}' and has no mark of a cache of clsim ({}), so "
                    "nothing in it is read, kept or removed; choose a new or an empty one, with "
                    "--cache or CLSIM_CACHE",
                    path_.string(), *foreign, kMarkName));
  }
  if (foreign) return;
  Replacement mark(path_ / kMarkName);
  for (const std::string_view part : {kSignature, kOwnLine, kRest}) {
    mark.write(part.data(), part.size());
  }
  mark.finish_unsynced();
}

std::vector<CachedFile> CacheFolder::files() const {
  std::vector<CachedFile> result;
  const Descriptor root(open_root(path_));
  const auto take = [&](const std::string& group, const std::vector<Entry>& entries) {
    for (const Entry& entry : entries) {
      if (auto file = cached_file(group, entry)) result.push_back(*std::move(file));
    }
  };
  const std::vector<Entry> entries = entries_of(root);
  take("", entries);
  for (const Entry& entry : entries) {
    if (is_group_folder(entry)) {
      take(entry.name, entries_of(Descriptor(open_group(root.value(), entry.name))));
    }
  }
  return result;
}

std::optional<OpenFile> CacheFolder::open(const std::string& group, const std::string& name) const {
  const Descriptor root(open_root(path_));
  const Descriptor folder(root.is_open() ? open_group(root.value(), group) : -1);
  if (!folder.is_open()) return std::nullopt;
  const int found =
      ::openat(folder.value(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (found < 0 && (errno == ENOENT || errno == ELOOP)) return std::nullopt;
  return OpenFile(found, path_ / group / name);
}

fs::path CacheFolder::place_of(const std::string& group, const std::string& name) const {
  const fs::path folder = path_ / group;
  std::error_code error;
  fs::create_directories(folder, error);
  if (fs::symlink_status(folder, error).type() != fs::file_type::directory) {
    throw Error(fmt::format("{}: expected a folder of the cache, not a link or anything else",
                            folder.string()));
  }
  const fs::path file = folder / name;
  const fs::file_type type = fs::symlink_status(file, error).type();
  if (type != fs::file_type::not_found && type != fs::file_type::regular) {
    throw Error(fmt::format("{}: expected a file of the cache, not a link or anything else",
                            file.string()));
  }
  return file;
}

std::vector<CachedFile> CacheFolder::remove(std::span<const CachedFile> files) const {
  std::vector<CachedFile> gone;
  if (!is_marked()) return gone;
  const Descriptor root(open_root(path_));
  std::set<std::string> groups;
  for (const CachedFile& file : files) {
    const Descriptor folder(open_group(root.value(), file.group));
    if (!folder.is_open()) continue;
    if (::unlinkat(folder.value(), file.name.c_str(), 0) == 0 || errno == ENOENT) {
      gone.push_back(file);
    }
    groups.insert(file.group);
  }
  groups.erase("");
  for (const std::string& group : groups) tidy(root, group);
  return gone;
}

int64_t CacheFolder::clear() const {
  const Descriptor root(open_root(path_));
  if (entries_of(root).empty()) return 0;
  if (!is_marked()) {
    const auto foreign = foreign_entry();
    throw Error(fmt::format(
        "the folder '{}' has no mark of a cache of clsim ({}), so nothing was removed; {}",
        path_.string(), kMarkName,
        foreign ? fmt::format("it holds '{}', which no cache has", *foreign)
                : "all in it looks like the cache of an earlier version: remove the folder by "
                  "hand, or let a run use it, which marks it"));
  }
  int64_t freed = 0;
  for (const CachedFile& file : remove(files())) {
    if (file.kind != CachedFile::Kind::kAbout) freed += file.bytes;
  }
  for (const Entry& entry : entries_of(root)) {
    if (is_group_folder(entry)) tidy(root, entry.name);
  }
  return freed;
}

}  // namespace cl
