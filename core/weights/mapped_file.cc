#include "core/weights/mapped_file.h"

#include <cerrno>
#include <cstdint>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"

namespace cl {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int value() const { return value_; }

 private:
  int value_;
};

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& file) {
  const auto fail = [&](std::string_view problem) {
    throw Error(fmt::format("{}: {}", file.string(), problem));
  };
  // Non-blocking, so that a named pipe is refused below instead of waited for.
  const Descriptor descriptor(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (descriptor.value() < 0 || fstat(descriptor.value(), &status) != 0) {
    fail(fmt::format("cannot open the file: {}", std::strerror(errno)));
  }
  if (!S_ISREG(status.st_mode)) fail("not a regular file");
  const auto size = static_cast<size_t>(status.st_size);
  if (size == 0) return;
  void* start = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor.value(), 0);
  if (start == MAP_FAILED) fail(fmt::format("cannot map the file: {}", std::strerror(errno)));
  bytes_ = {static_cast<const std::byte*>(start), size};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void release_pages(std::span<const std::byte> mapped) {
  if (mapped.empty()) return;
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto start = reinterpret_cast<uintptr_t>(mapped.data());
  const uintptr_t first = start / page * page;
  // Where that fails they merely stay.
  (void)madvise(reinterpret_cast<void*>(first), start - first + mapped.size(), MADV_DONTNEED);
}

}  // namespace cl
