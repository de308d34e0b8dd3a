#include "core/io/hdf5_handle.h"

#include <fmt/format.h>

namespace cl::hdf5 {
namespace {

herr_t keep_first(unsigned depth, const H5E_error2_t* error, void* text) {
  if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(text) = error->desc;
  return 0;
}

}  // namespace

std::string last_problem() {
  std::string text = "no reason given";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &text);
  if (text.find("version number") == std::string::npos) return text;
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format(
      "{}: written in a newer format than HDF5 {}.{} knows (or damaged); write it with "
      "libver=(\"earliest\", \"v110\")",
      text, major, minor);
}

}  // namespace cl::hdf5
