#include <memory>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/norm.h>

#include "core/base/rng.h"
#include "core/features/freeze.h"
#include "core/nn/adapters/adapter_hooks.h"
#include "core/nn/init.h"
#include "core/nn/layers.h"
#include "core/weights/state.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

const c10::Device kCpu(c10::kCPU);
// Half a unit in the last of 8 bits, of which a rounded result is off; sums are in float32.
constexpr double kRounding = 1.0 / 256;

Tensor rounded(const Tensor& x) {
  return x.detach().to(at::kBFloat16).to(at::kDouble);
}

/// Euclidean, over that of `expected`.
double relative_error(const Tensor& found, const Tensor& expected) {
  return at::norm(found.to(at::kDouble) - expected.to(at::kDouble)).item<double>() /
         at::norm(expected.to(at::kDouble)).item<double>();
}

std::unique_ptr<Backbone> vit() {
  return Backbones::get().make(
      config::Node::parse("vit: {preset: custom, image_size: 32, patch_size: 8, width: 48, "
                          "depth: 4, heads: 3, weights: random}",
                          "test.yaml"),
      {RngKey(1), kCpu});
}

TEST_CASE("a linear layer in bfloat16 is that of the rounded factors, forward and backward",
          "[bfloat16]") {
  Linear layer = make_linear(96, 40, RngKey(3), kCpu);
  set_trainable(layer, false);
  layer.weight = layer.weight.to(at::kBFloat16);
  layer.bias = layer.bias.to(at::kBFloat16);
  const void* held = layer.weight.data_ptr();
  const Tensor x = init::normal({2, 5, 96}, 0, 1, RngKey(4), kCpu).set_requires_grad(true);
  const Tensor of_y = init::normal({2, 5, 40}, 0, 1, RngKey(5), kCpu);

  const Tensor y = layer(x);
  REQUIRE(y.scalar_type() == at::kBFloat16);
  (y * of_y).sum().backward();

  const Tensor w = layer.weight.to(at::kDouble), b = layer.bias.to(at::kDouble);
  CHECK(relative_error(y, rounded(x).matmul(w.t()) + b) < kRounding);
  CHECK(x.grad().scalar_type() == at::kFloat);
  CHECK(relative_error(x.grad(), rounded(of_y).matmul(w)) < kRounding);
  CHECK_FALSE(layer.weight.grad().defined());
  CHECK(layer.weight.data_ptr() == held);
}

TEST_CASE("a frozen network in bfloat16 halves the bytes of its products and keeps the rest",
          "[bfloat16]") {
  const auto full = vit(), half = vit();
  freeze(*half, {.bfloat16 = true});
  int64_t bytes = 0;
  State before = tensors_of(*full), after = tensors_of(*half);
  REQUIRE(before.size() == after.size());
  for (size_t i = 0; i < before.size(); ++i) {
    const auto& [name, tensor] = before[i];
    const bool is_product =
        name.find("norm") == std::string::npos && name != "cls_token" && name != "pos_embed";
    INFO(name);
    CHECK(after[i].second.scalar_type() == (is_product ? at::kBFloat16 : at::kFloat));
    CHECK(after[i].second.nbytes() * (is_product ? 2 : 1) == tensor.nbytes());
    bytes += is_product ? static_cast<int64_t>(tensor.nbytes()) / 2
                        : static_cast<int64_t>(tensor.nbytes());
  }
  CHECK(num_bytes(parameters(*half)) == bytes);
  const std::string once = digest(after);
  freeze(*half, {.bfloat16 = true});
  CHECK(digest(tensors_of(*half)) == once);
}

TEST_CASE("gradients of adapters through a network in bfloat16 are those in float32 within 2 %",
          "[bfloat16]") {
  const std::string choice =
      GENERATE("parallel: {init: normal}", "series: {init: normal, after: both}",
               "lora: {targets: [q, v, proj, fc1, fc2]}", "prefix: {tokens: 3}", "mosa: {}",
               "mosa: {style: pfeiffer}", "convpass: {}", "linear_series: {init: normal}",
               "linear_parallel: {init: normal, targets: [q, proj, fc2]}");
  INFO(choice);
  const Tensor images = init::normal({4, 3, 32, 32}, 0, 1, RngKey(6), kCpu);
  const auto gradients = [&](bool bfloat16) {
    const auto network = vit();
    freeze(*network, {.bfloat16 = bfloat16});
    AdapterHooks adapters(config::Node::parse(choice, "test.yaml"), 0, 4,
                          adapter_parts(network->info(), RngKey(7), kCpu));
    const Tensor features = network->forward(images, adapters);
    CHECK(features.scalar_type() == at::kFloat);
    features.mul(init::normal(features.sizes(), 0, 1, RngKey(8), kCpu)).sum().backward();
    std::vector<Tensor> flat;
    for (const Tensor& parameter : trainable_parameters(adapters)) {
      if (!parameter.grad().defined()) continue;
      CHECK(parameter.grad().scalar_type() == at::kFloat);
      flat.push_back(parameter.grad().flatten());
    }
    return at::cat(flat);
  };
  const double error = relative_error(gradients(true), gradients(false));
  CHECK(error > 0);
  CHECK(error < 0.02);
}

}  // namespace
}  // namespace cl
