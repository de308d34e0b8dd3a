#include "core/nn/init.h"

#include <thread>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/ops/equal.h>

#include "core/nn/threads.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

const c10::Device kCpu(c10::kCPU);

}  // namespace

TEST_CASE("drawing leaves the process-wide generator as it was", "[nn]") {
  const at::Tensor before = at::detail::getDefaultCPUGenerator().get_state();
  init::uniform({100}, 0, 1, RngKey(1), kCpu);
  init::normal({100}, 0, 1, RngKey(1), kCpu);
  init::truncated_normal({100}, 1, RngKey(1), kCpu);
  CHECK(at::equal(before, at::detail::getDefaultCPUGenerator().get_state()));
}

TEST_CASE("draws depend on their key and nothing else", "[nn]") {
  const at::Tensor first = init::normal({50}, 0, 1, RngKey(1).child("a"), kCpu);
  init::normal({7}, 0, 1, RngKey(3), kCpu);
  CHECK(at::equal(first, init::normal({50}, 0, 1, RngKey(1).child("a"), kCpu)));
  CHECK_FALSE(at::equal(first, init::normal({50}, 0, 1, RngKey(1).child("b"), kCpu)));
}

TEST_CASE("uniform draws fill their interval", "[nn]") {
  const at::Tensor x = init::uniform({20000}, -1, 3, RngKey(1), kCpu);
  CHECK(x.min().item<double>() >= -1);
  CHECK(x.max().item<double>() < 3);
  // Mean 1, deviation 4 / sqrt(12) = 1.155; the mean of 20,000 is good to 0.008.
  CHECK(x.mean().item<double>() == Approx(1).margin(0.04));
  CHECK(x.std().item<double>() == Approx(1.155).margin(0.03));
}

TEST_CASE("normal draws have their mean and deviation", "[nn]") {
  const at::Tensor x = init::normal({20000}, 5, 2, RngKey(1), kCpu);
  CHECK(x.mean().item<double>() == Approx(5).margin(0.07));
  CHECK(x.std().item<double>() == Approx(2).margin(0.05));
}

TEST_CASE("truncated normal draws stay within two and are redrawn, not clamped", "[nn]") {
  const at::Tensor x = init::truncated_normal({20000}, 1, RngKey(1), kCpu);
  CHECK(x.abs().max().item<double>() <= 2);
  CHECK(x.abs().eq(2).sum().item<int64_t>() == 0);
  // A standard normal cut at two has variance 1 - 2 * 2 phi(2) / (2 Phi(2) - 1) = 0.7737.
  CHECK(x.var().item<double>() == Approx(0.7737).margin(0.02));
}

TEST_CASE("a narrow truncated normal is the plain one", "[nn]") {
  CHECK(at::equal(init::truncated_normal({100}, 0.02, RngKey(1), kCpu),
                  init::normal({100}, 0, 0.02, RngKey(1), kCpu)));
}

TEST_CASE("a thread plan sets the number of threads in an operation, also late", "[nn]") {
  const int before = at::get_num_threads();
  apply({.jobs = 1, .intra_op_threads = 2});
  CHECK(at::get_num_threads() == 2);
  apply({.jobs = 2, .intra_op_threads = 1});
  CHECK(at::get_num_threads() == 1);
  int in_worker = 0;
  std::thread([&] {
    apply_to_this_thread({.jobs = 2, .intra_op_threads = 1});
    in_worker = at::get_num_threads();
  }).join();
  CHECK(in_worker == 1);
  apply({.jobs = 1, .intra_op_threads = before});
}

TEST_CASE("a gradient mode ends with its scope", "[nn]") {
  const at::Tensor x = init::normal({1}, 0, 1, RngKey(1), kCpu).set_requires_grad(true);
  {
    const GradMode off(false);
    CHECK_FALSE(x.mul(2).requires_grad());
    {
      const GradMode on(true);
      CHECK(x.mul(2).requires_grad());
    }
    CHECK_FALSE(x.mul(2).requires_grad());
  }
  CHECK(x.mul(2).requires_grad());
}

}  // namespace cl
