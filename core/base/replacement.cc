#include "core/base/replacement.h"

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "core/base/error.h"

namespace cl {

Replacement::Replacement(std::filesystem::path target) : target_(std::move(target)) {
  // Exclusive creation makes the name unique among processes and threads; it keeps the user's mask.
  for (int attempt = 0; descriptor_ < 0; ++attempt) {
    draft_ = target_;
    draft_ += fmt::format(".{}-{}.draft", ::getpid(), attempt);
    descriptor_ = ::open(draft_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && errno != EEXIST) fail("cannot create the file");
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
  const auto* from = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t written = ::write(descriptor_, from, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot write the file");
    from += written;
    size -= static_cast<size_t>(written);
  }
}

void Replacement::finish() {
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
  if (::rename(draft_.c_str(), target_.c_str()) != 0) fail("cannot replace the file");
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

}  // namespace cl
