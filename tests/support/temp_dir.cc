#include "tests/support/temp_dir.h"

#include <fstream>
#include <string>
#include <system_error>

#include <fmt/format.h>
#include <stdlib.h>  // mkdtemp is POSIX, not in <cstdlib>

#include "core/base/error.h"

namespace cl {

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "clsim-test-XXXXXX").string();
  if (!mkdtemp(name.data())) throw Error(fmt::format("cannot create the folder '{}'", name));
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;  // a destructor must not throw, and a leftover folder fails no test
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path TempDir::write(std::string_view name, std::string_view bytes) const {
  const std::filesystem::path file = path_ / name;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream stream(file, std::ios::binary);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  if (!stream) throw Error(fmt::format("cannot write '{}'", file.string()));
  return file;
}

}  // namespace cl
