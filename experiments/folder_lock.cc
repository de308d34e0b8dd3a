#include "experiments/folder_lock.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/base/error.h"

namespace cl::experiments {

FolderLock::FolderLock(const std::filesystem::path& folder, std::string_view option) {
  const std::filesystem::path file = folder / ".lock";
  descriptor_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  const int problem = errno;
  if (descriptor_ >= 0) ::close(descriptor_);
  if (problem == EWOULDBLOCK) {
    throw ConfigError({}, "",
                      fmt::format("another clsim is running in '{}'; wait for it, or choose "
                                  "another folder with {}",
                                  folder.string(), option));
  }
  throw Error(fmt::format("{}: cannot be locked: {}", file.string(),
                          std::generic_category().message(problem)));
}

FolderLock::~FolderLock() {
  ::close(descriptor_);
}

}  // namespace cl::experiments
