// Writes the example run to the file named by the only argument, for tests in other languages.
#include "core/io/run_file.h"
#include "tests/support/example_run.h"

int main(int argc, char** argv) {
  if (argc != 2) return 1;
  cl::write_run(argv[1], cl::example_run());
  return 0;
}
