// The entry points of libFuzzer, over what each target says in its own file.
#include "tests/fuzz/target.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/base/error.h"

namespace {

constexpr std::string_view kSeedsFlag = "--seeds=";

void write_seeds(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  int number = 0;
  for (const std::string& seed : cl::fuzz::seeds()) {
    std::ofstream(folder / ("seed" + std::to_string(number++)), std::ios::binary) << seed;
  }
}

}  // namespace

/// `--seeds=FOLDER` writes the first inputs to a folder and does nothing else.
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  for (int i = 1; i < *argc; ++i) {
    const std::string_view argument = (*argv)[i];
    if (!argument.starts_with(kSeedsFlag)) continue;
    write_seeds(argument.substr(kSeedsFlag.size()));
    std::exit(EXIT_SUCCESS);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  try {
    cl::fuzz::read({reinterpret_cast<const char*>(bytes), size});
  } catch (const cl::Error&) {
  }
  return 0;
}
