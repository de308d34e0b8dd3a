#include "core/train/muon.h"

#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/zeros.h>

#include "core/nn/init.h"
#include "tests/support/catch.h"

namespace cl::train {
namespace {

// bfloat16 keeps 8 bits: 0.4 % an operation.
constexpr double kBfloat16Error = 0.03;

Tensor random(at::IntArrayRef shape, uint64_t seed) {
  return init::normal(shape, 0, 1, RngKey(seed), at::kCPU);
}

Tensor parameter(const Tensor& value, const Tensor& gradient) {
  Tensor result = value.clone().set_requires_grad(true);
  result.mutable_grad() = gradient.clone();
  return result;
}

}  // namespace

TEST_CASE("the iterations send a single number to the fifth iterate of the quintic", "[train]") {
  // p(x) = 3.4445 x - 4.7750 x^3 + 2.0315 x^5 from 1: 0.701, 1.114, 0.721, 1.090, 0.697.
  const Tensor result = orthogonalised(at::full({1, 1, 1}, 5.0));
  CHECK(result.item<double>() == Approx(0.697).margin(kBfloat16Error));
  CHECK(orthogonalised(at::full({1, 1, 1}, -5.0)).item<double>() ==
        Approx(-0.697).margin(kBfloat16Error));
}

TEST_CASE("orthogonalised matrices have singular values near one", "[train]") {
  const Tensor result = orthogonalised(random({3, 24, 12}, 1));
  REQUIRE(result.sizes() == at::IntArrayRef({3, 24, 12}));
  const Tensor values = std::get<1>(at::linalg_svd(result));
  CHECK(values.min().item<double>() > 0.5);
  CHECK(values.max().item<double>() < 1.35);
}

TEST_CASE("a step goes against the gradient whatever its size", "[train]") {
  for (const double size : {1e-3, 1.0, 1e3}) {
    const Tensor weight = parameter(at::full({1, 1}, 2.0), at::full({1, 1}, size));
    Muon muon({weight}, {.weight_decay = 0.1});
    muon.step(0.5);
    // 2 (1 - 0.5 * 0.1) - 0.5 * 0.697
    CHECK(weight.item<double>() == Approx(1.9 - 0.3485).margin(kBfloat16Error));
  }
}

TEST_CASE("tall matrices move further by the root of their aspect", "[train]") {
  const Tensor gradient = at::full({4, 1}, 1.0);  // norm 2: one singular value, direction 1/2 each
  const Tensor weight = parameter(at::zeros({4, 1}), gradient);
  Muon muon({weight}, {});
  muon.step(1);
  // - sqrt(4 / 1) * 0.697 / 2
  CHECK(weight[0].item<double>() == Approx(-0.697).margin(kBfloat16Error));
}

TEST_CASE("a fused qkv weight moves as its three parts would", "[train]") {
  const Tensor value = random({12, 4}, 2), gradient = random({12, 4}, 3);
  const Tensor fused = parameter(value, gradient);
  std::vector<Tensor> parts;
  for (int64_t i = 0; i < 3; ++i) {
    parts.push_back(
        parameter(value.slice(0, 4 * i, 4 * i + 4), gradient.slice(0, 4 * i, 4 * i + 4)));
  }
  Muon together({fused}, {}), apart(parts, {});
  together.step(0.1);
  apart.step(0.1);
  CHECK(fused.detach().allclose(at::cat(parts).detach(), 1e-6, 1e-6));
}

TEST_CASE("saved momenta continue as if there had been no break", "[train]") {
  const Tensor value = random({6, 4}, 4), gradient = random({6, 4}, 5);
  const Tensor whole = parameter(value, gradient);
  Muon uninterrupted({whole}, {});
  uninterrupted.step(0.1);

  const Tensor resumed = parameter(whole.detach(), random({6, 4}, 6));
  whole.mutable_grad() = resumed.grad().clone();
  Muon next({resumed}, {});
  next.load(uninterrupted.save());
  next.step(0.1);
  uninterrupted.step(0.1);
  CHECK(resumed.detach().equal(whole.detach()));

  Muon other({parameter(at::zeros({3, 3}), at::zeros({3, 3}))}, {});
  CHECK_THROWS_WITH(other.load(uninterrupted.save()), Contains("momentum 0"));
}

}  // namespace cl::train
