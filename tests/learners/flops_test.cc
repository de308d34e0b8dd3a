// Operations counted by hand, and by LibTorch as it does them.
#include "core/nn/flops.h"

#include <string>

#include <ATen/TensorOperators.h>

#include "core/nn/adapters/adapter_hooks.h"
#include "core/nn/init.h"
#include "core/nn/layers.h"
#include "core/nn/threads.h"
#include "core/nn/tuners/tuner.h"
#include "core/weights/state.h"
#include "tests/support/catch.h"
#include "tests/support/product_witness.h"
#include "tests/support/tiny_backbone.h"

namespace cl {
namespace {

const c10::Device kCpu(at::kCPU);

// Of `tiny`: five tokens of 16, MLP of 32, four patches of 48 pixels. A token takes 16 * (48 + 16 +
// 2 * 32) multiplications in the linear layers of a block.
constexpr double kEmbed = 2 * 4 * 48 * 16;
constexpr double kLinears = 2 * 5 * 2048;
constexpr double kAttention = 2 * 2 * 5 * 5 * 16;

Tensor images(int64_t n, int64_t side = 8) {
  return init::normal({n, 3, side, side}, 0.5, 0.2, RngKey(2), kCpu);
}

std::unique_ptr<Backbone> frozen_tiny(int64_t depth) {
  auto backbone = testing::make_tiny(depth);
  set_trainable(*backbone, false);
  return backbone;
}

std::unique_ptr<Backbone> vit(const std::string& options) {
  return Backbones::get().make(
      config::Node::parse("vit: {preset: custom, weights: random, " + options + "}", "test.yaml"),
      {RngKey(1), kCpu});
}

class PrefixOfThree final : public Hooks {
 public:
  std::optional<Prefix> prefix(int64_t /*layer*/, const Tensor& tokens) override {
    const auto rows = [&](const Tensor& values) {
      return values.expand({tokens.size(0), -1, -1, -1});
    };
    return Prefix{rows(key), rows(value)};
  }
  Tensor key = init::normal({1, 2, 3, 8}, 0, 1, RngKey(3), kCpu).set_requires_grad(true);
  Tensor value = init::normal({1, 2, 3, 8}, 0, 1, RngKey(4), kCpu).set_requires_grad(true);
};

}  // namespace

TEST_CASE("a forward pass of ViT-B/16 costs 17.6 billion multiplications", "[flops]") {
  // One block says all but the depth.
  const auto network = vit("image_size: 224, patch_size: 16, width: 768, depth: 1, heads: 12");
  const Tensor x = images(1, 224);
  Hooks none;
  const GradMode no_gradients(false);
  Tensor tokens;
  const double embed = flops_of([&] { tokens = network->embed(x); }).forward;
  CHECK(embed == 2.0 * 196 * 768 * 768);
  const double block = flops_of([&] { (void)network->blocks(tokens, 0, 1, none); }).forward;
  // 197 tokens through 768 * (3 * 768 + 768 + 2 * 3072), and 2 * 197 * 197 * 768 of attention.
  CHECK(block == 2.0 * (1394343936 + 59610624));
  CHECK(embed + 12 * block == 2.0 * 17563060224);
  // An adapter of width 16 in each block adds a third of a percent.
  AdapterHooks adapter(config::Node::parse("parallel: {bottleneck: 16}", "test.yaml"), 0, 1,
                       adapter_parts(network->info(), RngKey(3), kCpu));
  const double more =
      flops_of([&] { (void)network->blocks(tokens, 0, 1, adapter); }).forward - block;
  CHECK(more == 2.0 * 2 * 197 * 768 * 16);
  CHECK(12 * more / (embed + 12 * block) == Approx(.0033).margin(5e-5));
}

TEST_CASE("a step of training the last three blocks of ViT-B/16", "[flops]") {
  const auto network = vit("image_size: 224, patch_size: 16, width: 768, depth: 3, heads: 12");
  set_trainable(*network, false);
  AdapterHooks adapters(config::Node::parse("parallel: {bottleneck: 16}", "test.yaml"), 0, 3,
                        adapter_parts(network->info(), RngKey(3), kCpu));
  const Tensor tokens = init::normal({1, 197, 768}, 0, 1, RngKey(4), kCpu);
  const auto [forward, backward] =
      flops_of([&] { (void)network->blocks(tokens, 0, 3, adapters).sum(); });
  const double half_adapter = 2.0 * 197 * 768 * 16;
  CHECK(forward == 3 * (2.0 * (1394343936 + 59610624) + 2 * half_adapter));
  // Below the first adapter nothing is differentiated, and its own input needs no gradient; above,
  // linear layers pass the gradient of what came in, attention that of both factors of each of its
  // products, and adapters those of weights and inputs.
  CHECK(backward == 3 * half_adapter + 2 * (2.0 * (1394343936 + 2 * 59610624) + 4 * half_adapter));
}

TEST_CASE("a stem of small convolutions costs what its maps do", "[flops]") {
  const auto network =
      vit("image_size: 16, patch_size: 4, width: 16, depth: 1, heads: 2, stem: conv");
  const auto pass = [&] { (void)network->embed(images(3, 16)); };
  // 3 -> 8 channels on 8x8 pixels, 8 -> 16 on 4x4, by 3x3 weights.
  constexpr double kFirst = 2.0 * 9 * 64 * 3 * 8, kSecond = 2.0 * 9 * 16 * 8 * 16;
  CHECK(flops_of(pass).forward == 3 * (kFirst + kSecond));
  set_trainable(*network, true);
  CHECK(flops_of(pass).backward == 3 * (kFirst + 2 * kSecond));  // none for the pixels
}

TEST_CASE("passes are counted block by block", "[flops]") {
  const auto backbone = frozen_tiny(3);
  Hooks none;
  const Tensor x = images(2);
  const FlopCount whole = flops_of([&] { (void)backbone->forward(x, none); });
  CHECK(whole.forward == 2 * (kEmbed + 3 * (kLinears + kAttention)));
  CHECK(whole.backward == 0);
  const double part =
      flops_of([&] { (void)backbone->blocks(backbone->embed(x), 1, 2, none); }).forward;
  CHECK(part == 2 * (kEmbed + kLinears + kAttention));
}

TEST_CASE("a scope counts what is done in it, not what an inner one counts", "[flops]") {
  const Linear layer = make_linear(3, 5, RngKey(1), kCpu);
  const Tensor x = init::normal({2, 3}, 0, 1, RngKey(2), kCpu);
  FlopCount outer, inner;
  (void)layer(x);
  {
    const FlopScope counts(outer);
    (void)layer(x);
    {
      const FlopScope counts_instead(inner);
      (void)layer(x);
      (void)layer(x);
    }
    (void)layer(x);
  }
  (void)layer(x);
  CHECK(outer.forward == 2 * 2.0 * 2 * 3 * 5);
  CHECK(inner.forward == 2 * 2.0 * 2 * 3 * 5);
  CHECK(outer.backward == outer.forward);  // of the weights, not of x
}

TEST_CASE("tokens that a method inserts are counted where they are", "[flops]") {
  const auto backbone = frozen_tiny(2);
  const auto vpt =
      Tuners::get().make(config::Node::parse("vpt: {prompt_tokens: 2, deep: true}", "test.yaml"),
                         {*backbone, RngKey(1), kCpu});
  const GradMode no_gradients(false);
  const auto [forward, backward] =
      flops_of([&] { (void)backbone->forward(images(1), vpt->hooks()); });
  // Seven tokens instead of five.
  CHECK(forward == kEmbed + 2 * 2 * (7 * 2048 + 2 * 7 * 7 * 16));
  CHECK(backward == 0);  // the prompts are trainable, but nothing was recorded
}

TEST_CASE("what is counted of a vision transformer is what LibTorch does", "[flops]") {
  const auto network = vit("image_size: 16, patch_size: 4, width: 16, depth: 2, heads: 2, stem: " +
                           std::string(GENERATE("patch", "conv")));
  set_trainable(*network, true);
  Hooks none;
  PrefixOfThree prefix;
  const bool has_prefix = GENERATE(false, true);
  Hooks& hooks = has_prefix ? static_cast<Hooks&>(prefix) : none;
  const Tensor x = images(3, 16);
  // Scores and mixture of 17 tokens of width 16 in two blocks of three samples; on the way back a
  // gradient for both factors of each.
  const double attention = has_prefix ? 0 : 3 * 2 * 2 * 2.0 * 17 * 17 * 16;
  testing::check_counted([&] { return network->forward(x, hooks).square(); },
                         {.forward = attention, .backward = 2 * attention});
}

TEST_CASE("what is counted is what LibTorch does", "[flops]") {
  const auto backbone = frozen_tiny(2);
  Hooks none;
  PrefixOfThree prefix;
  Hooks* hooks = &none;
  SECTION("all weights") {
    set_trainable(*backbone, true);
  }
  SECTION("a trained prefix") {
    hooks = &prefix;
  }
  const Tensor x = images(3);
  testing::check_counted([&] { return backbone->forward(x, *hooks).square(); });
}

}  // namespace cl
