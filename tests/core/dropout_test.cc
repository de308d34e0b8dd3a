// What adapters drop in passes that draw.
#include "core/nn/dropout.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include "core/nn/adapters/adapter_hooks.h"
#include "core/nn/init.h"
#include "core/nn/threads.h"
#include "core/weights/state.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

constexpr int64_t kDim = 6, kWidth = 4;

std::unique_ptr<Adapter> build(const std::string& yaml) {
  return Adapters::get().make(config::Node::parse(yaml, "test.yaml"), {.dim = kDim,
                                                                       .hidden = 2 * kDim,
                                                                       .num_heads = 2,
                                                                       .num_tokens = 5,
                                                                       .num_special_tokens = 1,
                                                                       .key = RngKey(1),
                                                                       .device = at::kCPU});
}

void draw(Adapter& adapter) {
  const GradMode off(false);
  uint64_t index = 0;
  for (Tensor& parameter : parameters(adapter)) {
    parameter.copy_(init::normal(parameter.sizes(), 0, 1, RngKey(5).child(index++), at::kCPU));
  }
}

Tensor tokens() {
  return init::normal({3, 5, kDim}, 0, 1, RngKey(2), at::kCPU);
}

/// What is added at the adapter's first site; all layers read the same.
Tensor delta(const Adapter& adapter, const Tensor& x) {
  const Site site = adapter.sites().front();
  const Tensor out = site == Site::kQkv ? at::zeros({3, 5, 3 * kDim}, at::kFloat) : x;
  return adapter.delta({site, 0, x, x}, out);
}

double largest(const Tensor& x) {
  return x.abs().max().item<double>();
}

/// The mean over many passes, of which none is like another.
Tensor mean_of_passes(Adapter& adapter, const Tensor& x) {
  constexpr uint64_t kPasses = 2000;
  Tensor mean;
  for (uint64_t pass = 0; pass < kPasses; ++pass) {
    adapter.draw_from(RngKey(7).child(pass));
    const Tensor result = delta(adapter, x) / static_cast<double>(kPasses);
    mean = mean.defined() ? mean + result : result;
  }
  adapter.draw_from(std::nullopt);
  return mean;
}

}  // namespace

TEST_CASE("dropping keeps or drops each value, by its key, and scales what it keeps", "[nn]") {
  const Tensor x = tokens() + 10;  // no zero
  const Tensor dropped = drop(x, 0.25, RngKey(3));
  CHECK(at::equal(drop(x, 0.25, RngKey(3)), dropped));
  CHECK_FALSE(at::equal(drop(x, 0.25, RngKey(4)), dropped));
  const Tensor is_kept = dropped.ne(0);
  CHECK(largest((dropped - x / 0.75) * is_kept) < 1e-5);
  // 90 values: 22.5 of them with a standard deviation of 4.1.
  const auto num_dropped = is_kept.logical_not().sum().item<int64_t>();
  CHECK(num_dropped > 6);
  CHECK(num_dropped < 39);
}

TEST_CASE("an adapter that drops is on average the one that does not, and the same at test",
          "[nn]") {
  const GradMode off(false);
  // What is read before an activation may be dropped only where that is linear.
  const auto [kind, options] = GENERATE(
      table<std::string, std::string>({{"parallel", "bottleneck: 4"},
                                       {"series", "bottleneck: 4"},
                                       {"series", "bottleneck: 4, after: both"},
                                       {"linear_parallel", "bottleneck: 4, activation: identity"},
                                       {"linear_series", "bottleneck: 4, activation: identity"},
                                       {"lora", "rank: 4"},
                                       {"convpass", "channels: 4"}}));
  INFO(kind << ": " << options);
  const auto make = [&, kind = kind, options = options](const std::string& dropout) {
    auto adapter = build(fmt::format("{}: {{dropout: {}, {}}}", kind, dropout, options));
    draw(*adapter);
    return adapter;
  };
  const auto dropping = make("0.3"), keeping = make("0");
  const Tensor x = tokens(), plain = delta(*keeping, x);
  CHECK(at::equal(delta(*dropping, x), plain));
  dropping->draw_from(RngKey(7));
  CHECK(at::equal(delta(*dropping, x), delta(*dropping, x)));
  CHECK(largest(delta(*dropping, x) - plain) > 0.1 * largest(plain));
  // A sum of at most 6 values of standard deviation sqrt(0.3 / 0.7) = 0.65 of their size, over 2000
  // passes: 0.04 of them.
  CHECK(largest(mean_of_passes(*dropping, x) - plain) < 0.1 * largest(plain));
  keeping->draw_from(RngKey(7));
  CHECK(at::equal(delta(*keeping, x), plain));
}

TEST_CASE("the functions of one adapter, and equal adapters of two blocks, drop apart", "[nn]") {
  const GradMode off(false);
  AdapterHooks hooks(config::Node::parse("series: {dropout: 0.5, after: both}", "test.yaml"), 0, 2,
                     {.dim = kDim, .key = RngKey(1), .device = at::kCPU});
  for (int64_t layer = 0; layer < 2; ++layer) {
    Adapter& adapter = *hooks.adapter(layer);
    draw(adapter);
    State state = snapshot(adapter);
    for (auto& [name, tensor] : state) {
      if (name.starts_with("mlp.")) tensor = *find(state, "attention." + name.substr(4));
    }
    load(adapter, state, "test");
  }
  const Tensor x = tokens();
  const auto at = [&](int64_t layer, Site site) {
    return hooks.adapter(layer)->delta({site, layer, x, x}, x);
  };
  CHECK(at::equal(at(0, Site::kAttention), at(0, Site::kMlp)));
  CHECK(at::equal(at(0, Site::kAttention), at(1, Site::kAttention)));
  hooks.draw_from(RngKey(7));
  CHECK_FALSE(at::equal(at(0, Site::kAttention), at(0, Site::kMlp)));
  CHECK_FALSE(at::equal(at(0, Site::kAttention), at(1, Site::kAttention)));
}

TEST_CASE("each layer of a lora drops apart", "[nn]") {
  const GradMode off(false);
  const auto lora = build("lora: {rank: 4, dropout: 0.5}");
  draw(*lora);
  State state = snapshot(*lora);
  for (auto& [name, tensor] : state) {
    if (name.starts_with("v.")) tensor = *find(state, "q." + name.substr(2));
  }
  load(*lora, state, "test");
  const auto changes = [&] { return delta(*lora, tokens()).chunk(3, -1); };  // of q, k, v
  CHECK(at::equal(changes()[0], changes()[2]));
  lora->draw_from(RngKey(7));
  CHECK_FALSE(at::equal(changes()[0], changes()[2]));
  CHECK(largest(changes()[1]) == 0);
}

TEST_CASE("gradients pass where values passed", "[nn]") {
  constexpr double kShare = 0.4;
  const auto adapter = build("parallel: {bottleneck: 4, dropout: 0.4}");
  draw(*adapter);
  // U = [1; 0], b_U = 0: what comes out is the hidden values.
  {
    const GradMode off(false);
    State state = snapshot(*adapter);
    for (auto& [name, tensor] : state) {
      if (name == "up_proj.weight") tensor = at::eye(kDim, kWidth, at::kFloat);
      if (name == "up_proj.bias") tensor = at::zeros_like(tensor);
    }
    load(*adapter, state, "test");
  }
  const Tensor x = tokens();
  const Tensor hidden = delta(*adapter, x).narrow(2, 0, kWidth).detach();
  adapter->draw_from(RngKey(7));
  const Tensor result = delta(*adapter, x).narrow(2, 0, kWidth);
  const Tensor passed = result.detach().ne(0);
  CHECK(passed.any().item<bool>());
  CHECK((hidden.ne(0) * passed.logical_not()).any().item<bool>());
  result.sum().backward();
  for (const Tensor& parameter : parameters(*adapter)) REQUIRE(parameter.grad().defined());
  // Parameters come as D, b_D, U, b_U. d sum / d b_D counts what passed, scaled; d sum / d U is
  // what passed.
  const auto own = parameters(*adapter);
  CHECK(largest(own[1].grad() - passed.to(at::kFloat).sum(at::IntArrayRef({0, 1})) / (1 - kShare)) <
        1e-4);
  const Tensor kept = (hidden / (1 - kShare) * passed).sum(at::IntArrayRef({0, 1}));
  CHECK(largest(own[2].grad().narrow(0, 0, kWidth) - kept.expand({kWidth, kWidth})) < 1e-4);
}

}  // namespace cl
