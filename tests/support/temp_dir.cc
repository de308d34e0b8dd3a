#include "tests/support/temp_dir.h"

#include <fstream>

#include <fmt/format.h>

#include "core/base/error.h"

namespace cl {

std::filesystem::path TempDir::write(std::string_view name, std::string_view bytes) const {
  const std::filesystem::path file = path() / name;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream stream(file, std::ios::binary);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  if (!stream) throw Error(fmt::format("cannot write '{}'", file.string()));
  return file;
}

}  // namespace cl
