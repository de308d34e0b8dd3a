// Convolutions over the grid of patches beside a branch.
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>

#include "core/nn/adapters/adapter.h"
#include "core/nn/init.h"
#include "core/nn/threads.h"
#include "core/weights/state.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

constexpr int64_t kSide = 3;

std::unique_ptr<Adapter> build(const std::string& yaml, int64_t dim, int64_t num_patches,
                               int64_t num_special = 1) {
  return Adapters::get().make(config::Node::parse(yaml, "test.yaml"),
                              {.dim = dim,
                               .num_tokens = num_special + num_patches,
                               .num_special_tokens = num_special,
                               .key = RngKey(1),
                               .device = at::kCPU});
}

double quick_gelu(double x) {
  return x / (1 + std::exp(-1.702 * x));
}

}  // namespace

TEST_CASE("convpass has the published number of parameters", "[nn]") {
  // A branch: 768 * 8 + 8, a kernel of 8 * 8 * 9 + 8, 8 * 768 + 768. The paper says 0.33 M.
  CHECK(12 * count(trainable_parameters(*build("convpass", 768, 196))) == 327'552);
  CHECK(count(parameters(*build("convpass: {beside: mlp}", 768, 196))) == 13'648);
}

TEST_CASE("a new convpass convolves with the identity and adds nothing", "[nn]") {
  const auto adapter = build("convpass", 4, 4);
  const State state = tensors_of(*adapter);
  const Tensor kernel = *find(state, "mlp.conv.weight");
  for (int64_t out = 0; out < 8; ++out) {
    for (int64_t in = 0; in < 8; ++in) {
      CHECK(kernel[out][in].abs().sum().item<double>() == (out == in ? 1 : 0));
      CHECK(kernel[out][in][1][1].item<double>() == (out == in ? 1 : 0));
    }
  }
  const Tensor x = init::normal({2, 5, 4}, 0, 1, RngKey(2), at::kCPU);
  for (const Site site : adapter->sites()) {
    CHECK(adapter->delta({site, 0, x, x}, x).abs().max().item<double>() == 0);
  }
  CHECK((adapter->sites() == std::vector{Site::kAttention, Site::kMlp}));
  CHECK((build("convpass: {beside: mlp}", 4, 4)->sites() == std::vector{Site::kMlp}));
}

TEST_CASE("convpass convolves patches as they lie, and special tokens alone", "[nn]") {
  const GradMode off(false);
  const int64_t num_special = GENERATE(1, 2);
  constexpr int64_t kDim = 2, kChannels = 3;
  const auto adapter = build("convpass: {beside: attention, channels: 3, scale: 0.5}", kDim,
                             kSide * kSide, num_special);
  uint64_t index = 0;
  for (Tensor& parameter : parameters(*adapter)) {
    parameter.copy_(init::normal(parameter.sizes(), 0, 1, RngKey(4).child(index++), at::kCPU));
  }
  const State state = tensors_of(*adapter);
  const auto value = [&](const std::string& name) { return *find(state, "attention." + name); };
  const int64_t num_tokens = num_special + kSide * kSide;
  const Tensor x = init::normal({2, num_tokens, kDim}, 0, 1, RngKey(5), at::kCPU);
  const Tensor stream = x + 1;
  const Tensor found = adapter->delta({Site::kAttention, 0, stream, x}, stream);

  // The same with loops.
  const Tensor narrow = x.matmul(value("down_proj.weight").t()) + value("down_proj.bias");
  const auto active = [&](int64_t n, int64_t token, int64_t c) {
    return quick_gelu(narrow[n][token][c].item<double>());
  };
  const Tensor kernel = value("conv.weight");
  Tensor hidden = at::zeros({2, num_tokens, kChannels}, at::kFloat);
  for (int64_t n = 0; n < 2; ++n) {
    for (int64_t token = 0; token < num_tokens; ++token) {
      const int64_t place = token - num_special, row = place / kSide, column = place % kSide;
      for (int64_t out = 0; out < kChannels; ++out) {
        double sum = value("conv.bias")[out].item<double>();
        for (int64_t in = 0; in < kChannels; ++in) {
          const auto weight = [&](int64_t dr, int64_t dc) {
            return kernel[out][in][1 + dr][1 + dc].item<double>();
          };
          if (place < 0) sum += weight(0, 0) * active(n, token, in);
          for (int64_t dr = -1; dr <= 1 && place >= 0; ++dr) {
            for (int64_t dc = -1; dc <= 1; ++dc) {
              const int64_t r = row + dr, c = column + dc;
              if (r < 0 || r >= kSide || c < 0 || c >= kSide) continue;
              sum += weight(dr, dc) * active(n, num_special + r * kSide + c, in);
            }
          }
        }
        hidden[n][token][out] = quick_gelu(sum);
      }
    }
  }
  const Tensor expected =
      0.5 * (hidden.matmul(value("up_proj.weight").t()) + value("up_proj.bias"));
  CHECK((found - expected).abs().max().item<double>() < 1e-5);
}

TEST_CASE("convpass needs a square of patches", "[nn]") {
  CHECK_THROWS_WITH(build("convpass", 4, 6), Contains("square") && Contains("6"));
}

}  // namespace cl
