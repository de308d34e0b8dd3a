// clsim_bench: parts of clsim, timed by google-benchmark. Whole runs: `clsim bench`.
#include <benchmark/benchmark.h>

#include "core/base/allocator.h"
#include "experiments/bench/benchmarks.h"

int main(int argc, char** argv) {
  cl::keep_freed_memory();
  cl::add_image_loading();
  cl::add_network();
  cl::add_attention();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
