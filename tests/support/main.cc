// The main() of every test binary.
#define CATCH_CONFIG_RUNNER  // has a meaning for Catch2 2 only
#include "tests/support/catch.h"

#ifdef __SANITIZE_ADDRESS__
/// What the leak detector passes over: libhdf5 keeps its tables until the process ends, as its exit
/// handler is off (core/io/hdf5.cc).
extern "C" const char* __lsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
  return "leak:libhdf5";
}
#endif

int main(int argc, char** argv) {
  return Catch::Session().run(argc, argv);
}
