// Operations counted by hand, and by LibTorch as it does them.
#include "core/nn/flops.h"

#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/record_function.h>

#include "core/nn/adapters/adapter_hooks.h"
#include "core/nn/init.h"
#include "core/nn/threads.h"
#include "core/nn/tuners/tuner.h"
#include "core/weights/state.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_backbone.h"

namespace cl {
namespace {

const c10::Device kCpu(at::kCPU);

// Of `tiny`: five tokens of 16, MLP of 32, four patches of 48 pixels. A token takes 16 * (48 + 16 +
// 2 * 32) multiplications in the linear layers of a block.
constexpr double kEmbed = 2 * 4 * 48 * 16;
constexpr double kLinears = 2 * 5 * 2048;
constexpr double kAttention = 2 * 2 * 5 * 5 * 16;

Tensor images(int64_t n) {
  return init::normal({n, 3, 8, 8}, 0.5, 0.2, RngKey(2), kCpu);
}

struct Counted {
  explicit Counted(int64_t depth)
      : count(std::make_shared<FlopCount>()), backbone(counted(testing::make_tiny(depth), count)) {
    set_trainable(*backbone, false);
  }

  std::shared_ptr<FlopCount> count;
  std::unique_ptr<Backbone> backbone;
};

/// Multiplications of the matrix products that LibTorch does, as long as this lives.
class Witness {
 public:
  Witness() {
    flops = 0;
    handle_ = at::addGlobalCallback(
        at::RecordFunctionCallback(see).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
  }
  ~Witness() { at::removeCallback(handle_); }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

  inline static double flops = 0;

 private:
  static std::unique_ptr<at::ObserverContext> see(const at::RecordFunction& function) {
    const std::string name = function.name();
    const size_t first = name == "aten::addmm" ? 1 : 0;
    if (first == 0 && name != "aten::mm" && name != "aten::bmm") return nullptr;
    const auto inputs = function.inputs();
    const Tensor a = inputs[first].toTensor(), b = inputs[first + 1].toTensor();
    flops += 2 * static_cast<double>(a.numel()) * static_cast<double>(b.size(-1));
    return nullptr;
  }

  at::CallbackHandle handle_;
};

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
  const auto block = Backbones::get().make(
      config::Node::parse("vit: {preset: custom, image_size: 224, patch_size: 16, width: 768, "
                          "depth: 1, heads: 12}",
                          "test.yaml"),
      {RngKey(1), kCpu});
  BackboneInfo info = block->info();
  info.depth = 12;
  CHECK(info.embed_flops == 2.0 * 196 * 768 * 768);
  // 197 tokens through 768 * (3 * 768 + 768 + 2 * 3072), and 2 * 197 * 197 * 768 of attention.
  CHECK(block_flops(info) == 2.0 * (1394343936 + 59610624));
  CHECK(forward_flops(info) == 2.0 * 17563060224);
  // An adapter of width 16 in each block adds a third of a percent.
  const double adapter = linear_flops(197, 768, 16) + linear_flops(197, 16, 768);
  CHECK(adapter == 2.0 * 2 * 197 * 768 * 16);
  CHECK(12 * adapter / forward_flops(info) == Approx(.0033).margin(5e-5));
}

TEST_CASE("a stem of small convolutions costs what its maps do", "[flops]") {
  const auto vit = Backbones::get().make(
      config::Node::parse("vit: {preset: custom, image_size: 16, patch_size: 4, width: 16, "
                          "depth: 1, heads: 2, stem: conv}",
                          "test.yaml"),
      {RngKey(1), kCpu});
  // 3 -> 8 channels on 8x8 pixels, 8 -> 16 on 4x4, by 3x3 weights.
  CHECK(vit->info().embed_flops == 2.0 * 9 * (64 * 3 * 8 + 16 * 8 * 16));
}

TEST_CASE("passes are counted block by block, and change nothing", "[flops]") {
  Counted world(3);
  const auto plain = testing::make_tiny(3);
  Hooks none;
  const Tensor x = images(2);
  CHECK(world.backbone->forward(x, none).equal(plain->forward(x, none)));
  CHECK(world.count->forward == 2 * (kEmbed + 3 * (kLinears + kAttention)));
  CHECK(world.count->forward == 2 * forward_flops(plain->info()));
  CHECK(world.count->backward == 0);
  *world.count = {};
  const Tensor tokens = world.backbone->embed(x);
  (void)world.backbone->blocks(tokens, 1, 2, none);
  CHECK(world.count->forward == 2 * (kEmbed + kLinears + kAttention));
  *world.count = {};
  (void)world.backbone->clone()->embed(x);
  CHECK(world.count->forward == 2 * kEmbed);
}

TEST_CASE("tokens that a method inserts are counted where they are", "[flops]") {
  Counted world(2);
  const auto vpt =
      Tuners::get().make(config::Node::parse("vpt: {prompt_tokens: 2, deep: true}", "test.yaml"),
                         {*world.backbone, RngKey(1), kCpu});
  const GradMode no_gradients(false);
  (void)world.backbone->forward(images(1), vpt->hooks());
  // Seven tokens instead of five.
  CHECK(world.count->forward == kEmbed + 2 * 2 * (7 * 2048 + 2 * 7 * 7 * 16));
  CHECK(world.count->backward == 0);  // the prompts are trainable, but nothing was recorded
}

TEST_CASE("a backward pass is counted by what needs a gradient", "[flops]") {
  Counted world(2);
  const auto& [forward, backward] = *world.count;
  Hooks none;
  const Tensor x = images(1);
  double expected = 0;
  SECTION("all weights: two products for one, but none for the images") {
    set_trainable(*world.backbone, true);
    (void)world.backbone->forward(x, none);
    expected = kEmbed + 2 * 2 * (kLinears + kAttention);
  }
  SECTION("adapters beside each MLP: nothing below the first of them") {
    AdapterHooks adapters(config::Node::of("parallel"), 0, 2,
                          adapter_parts(world.backbone->info(), RngKey(3), kCpu));
    set_trainable(adapters, true);
    (void)world.backbone->forward(x, adapters);
    expected = kLinears + 2 * kAttention;  // each product of attention has two factors of tokens
  }
  CHECK(forward == kEmbed + 2 * (kLinears + kAttention));
  CHECK(backward == expected);
}

TEST_CASE("what is counted is what LibTorch does", "[flops]") {
  Counted world(2);
  Hooks none;
  PrefixOfThree prefix;
  Hooks* hooks = &none;
  SECTION("all weights") {
    set_trainable(*world.backbone, true);
  }
  SECTION("a trained prefix") {
    hooks = &prefix;
  }
  const Tensor x = images(3);
  double forward = 0, backward = 0;
  {
    const Witness witness;
    const Tensor loss = world.backbone->forward(x, *hooks).square().sum();
    forward = Witness::flops;
    loss.backward();
    backward = Witness::flops - forward;
  }
  CHECK(forward == world.count->forward);
  CHECK(backward == world.count->backward);
}

}  // namespace cl
