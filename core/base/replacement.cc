#include "core/base/replacement.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "core/base/error.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40;  // as Linux follows

/// The open file of this process that `path` names, as /dev/fd/1; below zero: none. It looks like
/// a link, but may lead to what has no name, and has a position that is shared.
int descriptor_of(const fs::path& path) {
  std::error_code error;
  const fs::path folder = fs::canonical(path.parent_path(), error);
  if (error || folder != fs::canonical("/proc/self/fd", error)) return -1;
  const std::string name = path.filename().string();
  int descriptor = -1;
  const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), descriptor);
  return problem == std::errc() && end == name.data() + name.size() ? descriptor : -1;
}

/// False with errno where not all could be written.
bool write_all(int descriptor, const char* from, size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(descriptor, from, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    from += written;
    size -= static_cast<size_t>(written);
  }
  return true;
}

}  // namespace

// Delegates, so that the destructor removes the draft where this throws.
Replacement::Replacement(fs::path target) : Replacement() {
  target_ = std::move(target);
  if (!target_.has_filename()) {
    throw Error(fmt::format("'{}': expected the name of a file", target_.string()));
  }
  struct stat there {};
  const bool is_open = descriptor_of(target_) >= 0;
  const int found = is_open ? ::stat(target_.c_str(), &there) : ::lstat(target_.c_str(), &there);
  if (found != 0 || (S_ISLNK(there.st_mode) && !is_open)) {
    open_draft(target_, 0666);
    return;
  }
  const auto refuse = [&](const char* kind) {
    throw Error(
        fmt::format("{}: is a {}, expected a file or a name for one", target_.string(), kind));
  };
  if (S_ISDIR(there.st_mode)) refuse("folder");
  if (S_ISBLK(there.st_mode)) refuse("disk");
  if (S_ISSOCK(there.st_mode)) refuse("socket");
  if (!is_open && ::access(target_.c_str(), W_OK) != 0) fail("cannot be written to");
  is_written_to_ = is_open || !S_ISREG(there.st_mode);
  open_draft(is_written_to_ ? fs::temp_directory_path() / "clsim" : target_, 0600);
  if (!is_written_to_) keep_permissions(there);
}

void Replacement::open_draft(const fs::path& beside, mode_t mode) {
  // Exclusive creation makes the name unique among processes and threads; it keeps the user's mask.
  for (int attempt = 0; descriptor_ < 0; ++attempt) {
    draft_ = beside;
    draft_ += fmt::format(".{}-{}.draft", ::getpid(), attempt);
    descriptor_ = ::open(draft_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor_ < 0 && errno != EEXIST) fail_draft("cannot create the file");
  }
}

void Replacement::keep_permissions(const struct stat& replaced) {
  struct stat own {};
  if (::fstat(descriptor_, &own) != 0) fail("cannot keep its permissions");
  mode_t mode = replaced.st_mode & 0777U;
  const auto give = [&](uid_t owner, gid_t group) {
    return ::fchown(descriptor_, owner, group) == 0;
  };
  if (own.st_gid != replaced.st_gid && !give(static_cast<uid_t>(-1), replaced.st_gid)) {
    // Another group than they were meant for gets no more than everybody has.
    mode &= (mode & 07U) << 3U | 0707U;
  }
  // None but root may give files away; for others the file becomes their own.
  if (own.st_uid != replaced.st_uid) give(replaced.st_uid, static_cast<gid_t>(-1));
  if ((own.st_mode & 0777U) != mode && ::fchmod(descriptor_, mode) != 0) {
    fail("cannot keep its permissions");
  }
}

Replacement::~Replacement() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(draft_.c_str());
}

void Replacement::write(const void* bytes, size_t size) {
  written_.add(bytes, size);
  num_written_ += size;
  write_unchecked(bytes, size);
}

void Replacement::write_unchecked(const void* bytes, size_t size) {
  if (!write_all(descriptor_, static_cast<const char*>(bytes), size)) {
    fail_draft("cannot write the file");
  }
}

void Replacement::finish() {
  if (is_written_to_) {
    compare_with_written();
    return pass_on();
  }
  if (::fsync(descriptor_) != 0) fail("cannot bring the file to the disk");
  compare_with_written();
  finish_unsynced();
  // The name itself. Some file systems cannot sync folders, and need not.
  const auto folder = target_.has_parent_path() ? target_.parent_path() : ".";
  const int opened = ::open(folder.c_str(), O_RDONLY | O_CLOEXEC);
  if (opened < 0) return;
  const bool synced = ::fsync(opened) == 0 || errno == EINVAL || errno == ENOTSUP;
  const int problem = errno;
  ::close(opened);
  errno = problem;
  if (!synced) fail("cannot bring the file's name to the disk");
}

void Replacement::finish_unsynced() {
  if (is_written_to_) return pass_on();
  if (::rename(draft_.c_str(), target_.c_str()) != 0) fail("cannot replace the file");
  ::close(std::exchange(descriptor_, -1));
}

void Replacement::pass_on() {
  const int open_file = descriptor_of(target_);
  const int out = open_file >= 0 ? ::fcntl(open_file, F_DUPFD_CLOEXEC, 0)
                                 : ::open(target_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (out < 0) fail("cannot be opened");
  std::array<char, 1 << 16> chunk{};
  off_t place = 0;
  ssize_t size = 0;
  bool written = true;
  while (written && (size = ::pread(descriptor_, chunk.data(), chunk.size(), place)) > 0) {
    written = write_all(out, chunk.data(), static_cast<size_t>(size));
    place += size;
  }
  int problem = written && size == 0 ? 0 : errno;
  if (::close(out) != 0 && problem == 0) problem = errno;
  errno = problem;
  if (problem != 0) fail("cannot write the file");
  ::unlink(draft_.c_str());
  ::close(std::exchange(descriptor_, -1));
}

void Replacement::compare_with_written() {
  if (num_written_ == 0) return;
  constexpr size_t kChunkBytes = 1 << 20;
  const auto chunk = std::make_unique<char[]>(kChunkBytes);
  const int opened = ::open(draft_.c_str(), O_RDONLY | O_CLOEXEC);
  if (opened < 0) fail("cannot be read back");
  Sha256 there;
  size_t num_there = 0;
  ssize_t size = 0;
  while ((size = ::read(opened, chunk.get(), kChunkBytes)) > 0) {
    there.add(chunk.get(), static_cast<size_t>(size));
    num_there += static_cast<size_t>(size);
  }
  const int problem = errno;
  ::close(opened);
  errno = problem;
  if (size < 0) fail("cannot be read back");
  if (num_there != num_written_ || there.hex() != written_.hex()) {
    throw Error(fmt::format("{}: holds other bytes than were written; the disk may be failing",
                            target_.string()));
  }
}

void Replacement::fail(std::string_view problem) const {
  throw Error(
      fmt::format("{}: {}: {}", target_.string(), problem, std::generic_category().message(errno)));
}

void Replacement::fail_draft(std::string_view problem) const {
  if (!is_written_to_) fail(problem);
  throw Error(fmt::format("{}: cannot be written to by way of '{}': {}: {}", target_.string(),
                          draft_.string(), problem, std::generic_category().message(errno)));
}

fs::path followed(fs::path target) {
  const fs::path given = target;
  std::error_code error;
  for (int links = 0; descriptor_of(target) < 0 && fs::is_symlink(target, error); ++links) {
    if (links == kMostLinks) {
      throw Error(
          fmt::format("{}: cannot create the file: its links lead in a circle", given.string()));
    }
    target = target.parent_path() / fs::read_symlink(target);
  }
  return target;
}

void require_writable(const fs::path& file) {
  const Replacement given_up(followed(file));
}

}  // namespace cl
