// The main() of every test binary.
#define CATCH_CONFIG_RUNNER  // has a meaning for Catch2 2 only
#include "tests/support/catch.h"

int main(int argc, char** argv) {
  return Catch::Session().run(argc, argv);
}
