// A file that never touches a disk, for readers that take a path.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <sys/mman.h>
#include <unistd.h>

#include "core/base/check.h"

namespace cl::fuzz {

/// A regular file with these bytes, gone at the end of the scope. Linux only.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : descriptor_(memfd_create("fuzz", MFD_CLOEXEC)) {
    CL_CHECK(descriptor_ >= 0);
    CL_CHECK(::write(descriptor_, bytes.data(), bytes.size()) ==
             static_cast<ssize_t>(bytes.size()));
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] std::filesystem::path path() const {
    return "/proc/self/fd/" + std::to_string(descriptor_);
  }

 private:
  int descriptor_;
};

}  // namespace cl::fuzz
