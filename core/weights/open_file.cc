#include "core/weights/open_file.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"

namespace cl {
namespace {

Error failure(const std::filesystem::path& file, std::string_view problem) {
  return Error(fmt::format("{}: {}", file.string(), problem));
}

}  // namespace

// Non-blocking, so that a named pipe is refused instead of waited for.
OpenFile::OpenFile(const std::filesystem::path& file)
    : OpenFile(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK), file) {}

OpenFile::OpenFile(int descriptor, std::filesystem::path file)
    : descriptor_(descriptor), path_(std::move(file)) {
  struct stat status {};
  if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0) {
    const int reason = errno;
    if (descriptor_ >= 0) ::close(descriptor_);
    throw failure(path_,
                  fmt::format("cannot open the file: {}", std::generic_category().message(reason)));
  }
  if (!S_ISREG(status.st_mode)) {
    ::close(descriptor_);
    throw failure(path_, "not a regular file");
  }
  device_ = status.st_dev;
  inode_ = status.st_ino;
  size_ = status.st_size;
}

OpenFile::OpenFile(OpenFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      device_(other.device_),
      inode_(other.inode_),
      size_(other.size_) {}

OpenFile::~OpenFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void OpenFile::read(int64_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t count = ::pread(descriptor_, bytes.data(), bytes.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      throw failure(
          path_, fmt::format("cannot read the file: {}", std::generic_category().message(errno)));
    }
    if (count == 0) {
      throw failure(path_, fmt::format("ends after {} bytes, though it had {} when it was opened",
                                       offset, size_));
    }
    bytes = bytes.subspan(static_cast<size_t>(count));
    offset += count;
  }
}

void OpenFile::touch() const {
  (void)::futimens(descriptor_, nullptr);
}

}  // namespace cl
