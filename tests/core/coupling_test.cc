// Series adapters of several places, and the coupling before them.
#include "core/nn/adapters/coupling.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linalg_det.h>
#include <ATen/ops/stack.h>

#include "core/nn/adapters/adapter_hooks.h"
#include "core/nn/init.h"
#include "core/nn/threads.h"
#include "core/weights/state.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

Coupling drawn_coupling(int64_t dim) {
  const GradMode off(false);
  Coupling coupling = make_coupling({}, dim, RngKey(1), at::kCPU);
  uint64_t index = 0;
  for (Tensor& parameter : parameters(coupling)) {
    parameter.copy_(init::normal(parameter.sizes(), 0, 0.5, RngKey(2).child(index++), at::kCPU));
  }
  return coupling;
}

AdapterHooks hooks_of(const std::string& yaml, int64_t dim, int64_t depth) {
  return {config::Node::parse(yaml, "test.yaml"),
          0,
          depth,
          {.dim = dim, .key = RngKey(1), .device = at::kCPU}};
}

}  // namespace

TEST_CASE("a coupling of 768 numbers has 296,064 parameters and changes nothing when new", "[nn]") {
  Coupling coupling = make_coupling({}, 768, RngKey(1), at::kCPU);
  CHECK(count(parameters(coupling)) == 296'064);
  const Tensor x = init::normal({2, 3, 768}, 0, 1, RngKey(3), at::kCPU);
  CHECK(coupling.delta(x).abs().max().item<double>() == 0);
}

TEST_CASE("a coupling can be undone and keeps volumes", "[nn]") {
  const int64_t dim = GENERATE(4, 5, 7);  // odd widths are split into floor(dim / 2) and the rest
  const Coupling coupling = drawn_coupling(dim);
  const Tensor x = init::normal({dim}, 0, 1, RngKey(3), at::kCPU).set_requires_grad(true);
  const Tensor y = x + coupling.delta(x);
  const Tensor y1 = y.narrow(0, 0, dim / 2), y2 = y.narrow(0, dim / 2, dim - dim / 2);
  const Tensor x2 = y2 - coupling.g(y1);
  const Tensor back = at::cat({y1 - coupling.f(x2), x2});
  CHECK((back - x).abs().max().item<double>() < 1e-6);
  CHECK((y - x).abs().max().item<double>() > 0.01);
  std::vector<Tensor> rows;
  for (int64_t i = 0; i < dim; ++i) {
    x.mutable_grad() = Tensor();
    y[i].backward({}, /*retain_graph=*/true);
    rows.push_back(x.grad().clone());
  }
  CHECK(at::linalg_det(at::stack(rows)).item<double>() == Approx(1).margin(1e-5));
}

TEST_CASE("series adapters have the published numbers of parameters", "[nn]") {
  const auto count_of = [](const std::string& yaml) {
    AdapterHooks hooks = hooks_of(yaml, 768, 12);
    return count(parameters(hooks));
  };
  CHECK(count_of("series: {after: block, reduction: 16}") == 894'528);
  CHECK(count_of("series: {after: both, reduction: 16, activation: silu}") == 1'789'056);
  CHECK(count_of("series: {after: block, reduction: 16, coupling: true}") == 1'190'592);
}

TEST_CASE("a coupling acts on the tokens entering block 0, and nowhere else", "[nn]") {
  const GradMode off(false);
  AdapterHooks hooks = hooks_of("series: {coupling: true}", 8, 2);
  CHECK((hooks.adapter(0)->sites() == std::vector{Site::kBlockInput, Site::kMlp}));
  CHECK((hooks.adapter(1)->sites() == std::vector{Site::kMlp}));
  uint64_t index = 0;
  for (Tensor& parameter : parameters(hooks)) {
    parameter.copy_(init::normal(parameter.sizes(), 0, 0.5, RngKey(2).child(index++), at::kCPU));
  }
  const Tensor x = init::normal({1, 2, 8}, 0, 1, RngKey(3), at::kCPU);
  const Tensor y = hooks.at({Site::kBlockInput, 0, x, x}, x);
  CHECK_FALSE(at::equal(y.narrow(2, 0, 4), x.narrow(2, 0, 4)));
  CHECK_FALSE(at::equal(y.narrow(2, 4, 4), x.narrow(2, 4, 4)));
  CHECK(at::equal(hooks.at({Site::kBlockInput, 1, x, x}, x), x));
}

TEST_CASE("a double series adapter has one function for each branch, with its activation", "[nn]") {
  const GradMode off(false);
  const auto adapter = Adapters::get().make(
      config::Node::parse("series: {after: both, bottleneck: 1, activation: silu}", "test.yaml"),
      {.dim = 1, .key = RngKey(1), .device = at::kCPU});
  double value = 1;  // down, its bias, up, its bias; first after attention, then after the MLP
  for (Tensor& parameter : parameters(*adapter)) parameter.fill_(value++);
  const Tensor x = init::uniform({1, 1, 1}, 2, 2, RngKey(1), at::kCPU);
  const auto silu = [](double z) { return z / (1 + std::exp(-z)); };
  CHECK(adapter->delta({Site::kAttention, 0, x, x}, x).item<double>() ==
        Approx(3 * silu(1 * 2 + 2) + 4));
  CHECK(adapter->delta({Site::kMlp, 0, x, x}, x).item<double>() == Approx(7 * silu(5 * 2 + 6) + 8));
}

}  // namespace cl
