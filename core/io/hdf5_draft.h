// A file of ours while it is written. Included by io/hdf5*.cc only.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "core/base/replacement.h"
#include "core/io/hdf5.h"
#include "core/io/hdf5_contents.h"

namespace cl::hdf5 {

struct File::Draft {
  Draft(const std::filesystem::path& path, Room where) : replacement(path), room(where) {}

  Replacement replacement;
  Room room;
  std::vector<std::byte> image;  // the file's bytes, where it is kept in memory
  Contents contents;
};

}  // namespace cl::hdf5
