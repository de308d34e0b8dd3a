#include "core/io/publish.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "core/base/error.h"

namespace cl {
namespace {

void sync(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int problem = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!synced) {
    throw Error(fmt::format("{}: cannot be brought to the disk: {}", path.string(),
                            std::generic_category().message(problem)));
  }
}

}  // namespace

void publish(const std::filesystem::path& draft, const std::filesystem::path& file) {
  sync(draft);
  std::error_code error;
  std::filesystem::rename(draft, file, error);
  if (error) {
    throw Error(fmt::format("{}: cannot be renamed to '{}': {}", draft.string(),
                            file.filename().string(), error.message()));
  }
  sync(file.has_parent_path() ? file.parent_path() : ".");  // the name itself
}

}  // namespace cl
