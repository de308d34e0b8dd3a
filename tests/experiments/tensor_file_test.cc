#include "experiments/tensor_file.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>

#include "core/base/error.h"
#include "core/io/hdf5.h"
#include "tests/support/catch.h"
#include "tests/support/failing_writes.h"
#include "tests/support/temp_dir.h"

namespace cl::experiments {
namespace {

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// 300,000 numbers are more than one piece.
State example_state() {
  const Tensor many = at::arange(300'000, at::TensorOptions(at::kFloat)).view({1000, 300}).div(7);
  return {{"features", many},
          {"turned", many.narrow(0, 0, 20).t()},
          {"half", many.narrow(0, 0, 2).to(at::kBFloat16)},
          {"one", many.select(0, 1).select(0, 1)}};
}

}  // namespace

TEST_CASE("tensors come back from either format as they were", "[experiments]") {
  const TempDir folder;
  const auto file = folder / GENERATE("a.h5", "a.safetensors");
  write_tensors(file, example_state());
  for (const auto& [name, tensor] : example_state()) {
    INFO(name);
    CHECK(at::equal(read_tensor(file, name), tensor.to(at::kFloat)));
  }
}

TEST_CASE("features whose writing fails for a moment are whole or not there", "[experiments]") {
  const TempDir folder;
  const State state = example_state();
  write_tensors(folder / "meant.h5", state);
  const std::string meant = bytes_of(folder / "meant.h5");
  const WriteFault fault = GENERATE(WriteFault::kFull, WriteFault::kZeros);
  int64_t refused = 0;
  for (int64_t after = 0;; ++after) {
    CAPTURE(after);
    std::string problem;
    bool has_happened = false;
    {
      const FailingWrite failing(after, fault);
      try {
        write_tensors(folder / "a.h5", state);
      } catch (const Error& error) {
        problem = error.what();
      }
      has_happened = failing.has_happened();
    }
    if (!has_happened) break;
    if (problem.empty()) {
      CHECK((bytes_of(folder / "a.h5") == meant));
      std::filesystem::remove(folder / "a.h5");
      continue;
    }
    ++refused;
    CHECK_THAT(problem, Contains("a.h5"));
    if (fault == WriteFault::kFull) CHECK_THAT(problem, Contains("No space left on device"));
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
  }
  CHECK(refused > 5);
}

}  // namespace cl::experiments
