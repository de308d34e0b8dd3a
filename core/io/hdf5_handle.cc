#include "core/io/hdf5_handle.h"

#include <cstdlib>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

namespace cl::hdf5 {
namespace {

struct Problem {
  std::string innermost = "no reason given";
  int error_number = 0;  // of the system; 0: none
};

/// HDF5 keeps the system's error within its own sentences: "file write failed: time = ..., errno =
/// 28, error message = ...".
herr_t look_at(unsigned depth, const H5E_error2_t* error, void* problem) {
  if (error->desc == nullptr) return 0;
  auto& found = *static_cast<Problem*>(problem);
  if (depth == 0) found.innermost = error->desc;
  constexpr std::string_view kNumber = "errno = ";
  const size_t place = std::string_view(error->desc).find(kNumber);
  if (place != std::string_view::npos && found.error_number == 0) {
    found.error_number = std::atoi(error->desc + place + kNumber.size());
  }
  return 0;
}

}  // namespace

void stay_open_at_exit() {
  H5dont_atexit();
}

std::string last_problem() {
  Problem problem;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, look_at, &problem);
  if (problem.error_number != 0) return std::generic_category().message(problem.error_number);
  if (problem.innermost.find("version number") == std::string::npos) return problem.innermost;
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format(
      "{}: written in a newer format than HDF5 {}.{} knows (or damaged); write it with "
      "libver=(\"earliest\", \"v110\")",
      problem.innermost, major, minor);
}

}  // namespace cl::hdf5
