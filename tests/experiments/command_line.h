// The built command line, called as a user calls it.
#pragma once

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

#include <fmt/format.h>
#include <sys/wait.h>

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl::experiments {

struct Finished {
  int code;
  std::string text;  // both outputs
};

/// clsim lies beside the test's own binary.
inline std::filesystem::path binary() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "clsim";
}

/// It is run from `folder`.
inline Finished clsim(const std::string& arguments, const std::filesystem::path& folder = ".") {
  static const TempDir cache;  // the user's own stays as it is
  const std::string command =
      fmt::format("cd '{}' && CLSIM_CACHE='{}' '{}' {} 2>&1", folder.string(),
                  cache.path().string(), binary().string(), arguments);
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  Finished result{-1, {}};
  std::array<char, 4096> buffer{};
  while (const size_t size = fread(buffer.data(), 1, buffer.size(), pipe)) {
    result.text.append(buffer.data(), size);
  }
  const int status = pclose(pipe);
  if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
  return result;
}

}  // namespace cl::experiments
