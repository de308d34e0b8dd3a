// Writes a LaTeX table of the example run, under a name with awkward characters, to the file named
// by the only argument.
#include <fstream>

#include "analysis/render/latex.h"
#include "tests/support/example_run.h"

int main(int argc, char** argv) {
  if (argc != 2) return 1;
  cl::RunRecord second = cl::example_run();
  second.id = "second";
  second.learner = "a_b & 50% {é} \\x ~^#$ <→>";
  const auto tables =
      cl::analysis::make_tables({cl::example_run(), second}, cl::analysis::default_columns());
  std::ofstream(argv[1]) << cl::analysis::render_latex(tables);
  return 0;
}
