#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "core/nn/adapters/adapter_hooks.h"
#include "core/nn/backbone.h"
#include "core/nn/init.h"
#include "core/nn/threads.h"
#include "core/weights/state.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

const c10::Device kCpu(c10::kCPU);

std::unique_ptr<Adapter> build(const std::string& yaml, int64_t dim) {
  return Adapters::get().make(
      config::Node::parse(yaml, "test.yaml"),
      {.dim = dim, .hidden = 2 * dim, .num_heads = 2, .key = RngKey(1), .device = kCpu});
}

Tensor row(std::initializer_list<float> values) {
  Tensor result = at::zeros({1, 1, static_cast<int64_t>(values.size())}, at::kFloat);
  int64_t i = 0;
  for (const float value : values) result.select(2, i++).fill_(value);
  return result;
}

/// f(x) = U relu(D x + b_D) + b_U with D = [[1, 0], [0, -1]], b_D = (1, 1), U = [[1, 2], [0, 3]],
/// b_U = (0, 10).
void set_by_hand(Adapter& adapter) {
  const Tensor down = at::zeros({2, 2}, at::kFloat), up = at::zeros({2, 2}, at::kFloat);
  down.select(0, 0).select(0, 0).fill_(1);
  down.select(0, 1).select(0, 1).fill_(-1);
  up.select(0, 0).select(0, 0).fill_(1);
  up.select(0, 0).select(0, 1).fill_(2);
  up.select(0, 1).select(0, 1).fill_(3);
  load(adapter,
       {{"down_proj.weight", down},
        {"down_proj.bias", at::ones({2}, at::kFloat)},
        {"up_proj.weight", up},
        {"up_proj.bias", row({0, 10}).view({2})}},
       "test");
}

const std::string kVit =
    "vit: {preset: custom, image_size: 16, patch_size: 8, width: 32, depth: 3, heads: 2, "
    "weights: random}";

std::unique_ptr<Backbone> vit() {
  return Backbones::get().make(config::Node::parse(kVit, "test.yaml"), {RngKey(1), kCpu});
}

}  // namespace

TEST_CASE("a bottleneck adapter without biases is two matrices, and zero when new", "[nn]") {
  const auto adapter = build("parallel: {bias: false}", 768);
  CHECK(count(parameters(*adapter)) == 24'576);  // 2 * 768 * 16
  const Tensor x = at::ones({2, 3, 768}, at::kFloat);
  CHECK(adapter->delta({Site::kMlp, 0, x, x}, x).abs().max().item<float>() == 0);
}

TEST_CASE("a bottleneck adapter of ViT-B has 25,360 parameters, all trainable", "[nn]") {
  const std::string name = GENERATE("parallel", "series");
  const auto adapter = build(name, 768);
  CHECK(count(parameters(*adapter)) == 25'360);  // 768 * 16 + 16 + 16 * 768 + 768
  CHECK(count(trainable_parameters(*adapter)) == 25'360);
  CHECK(count(parameters(*build(name + ": {bottleneck: 48}", 768))) == 74'544);
  CHECK(count(parameters(*build(name + ": {bottleneck: 64}", 768))) == 99'136);
}

TEST_CASE("a new bottleneck adapter draws its way down only", "[nn]") {
  const auto adapter = build("parallel", 768);
  const State state = tensors_of(*adapter);
  const double bound = 0.0360844;  // 1 / sqrt(768)
  const double largest = find(state, "down_proj.weight")->abs().max().item<double>();
  CHECK(largest <= bound);
  CHECK(largest > 0.98 * bound);
  for (const char* zero : {"down_proj.bias", "up_proj.weight", "up_proj.bias"}) {
    CHECK(find(state, zero)->abs().max().item<double>() == 0);
  }
}

TEST_CASE("a parallel adapter reads the stream, or the branch's input where asked", "[nn]") {
  const Tensor stream = row({2, 3}), input = row({-5, 0}), out = row({100, 100});
  const SiteCall call{Site::kMlp, 0, stream, input};
  const auto before = build("parallel: {bottleneck: 2}", 2);
  set_by_hand(*before);
  // x = (2, 3): D x + b = (3, -2) -> (3, 0); U gives (3, 0); plus (0, 10).
  CHECK(at::equal(before->delta(call, out), row({3, 10})));
  const auto after = build("parallel: {bottleneck: 2, input: post_ln2, scale: 0.5}", 2);
  set_by_hand(*after);
  // x = (-5, 0): (-4, 1) -> (0, 1); U gives (2, 3); plus (0, 10); halved.
  CHECK(at::equal(after->delta(call, out), row({1, 6.5})));
  CHECK((before->sites() == std::vector{Site::kMlp}));
}

TEST_CASE("a series adapter reads what its site gave", "[nn]") {
  const Tensor stream = row({2, 3}), out = row({-5, 0});
  const SiteCall call{Site::kMlp, 0, stream, stream};
  const auto adapter = build("series: {bottleneck: 2}", 2);
  set_by_hand(*adapter);
  CHECK(at::equal(adapter->delta(call, out), row({2, 13})));  // as above, not halved
  CHECK((adapter->sites() == std::vector{Site::kMlp}));
  CHECK((build("series: {after: block}", 2)->sites().front() == Site::kBlockOutput));
}

TEST_CASE("an adapter's part of a block is its function of x = h + Attn(LN1(h))", "[nn]") {
  const GradMode off(false);
  const auto backbone = vit();
  AdapterHooks hooks(config::Node::parse("parallel: {bottleneck: 4}", "test.yaml"), 1, 2,
                     {.dim = 32, .key = RngKey(1), .device = kCpu});
  State drawn = snapshot(*hooks.adapter(1));
  for (auto& [name, tensor] : drawn) tensor = init::normal(tensor.sizes(), 0, 1, RngKey(5), kCpu);
  load(*hooks.adapter(1), drawn, "test");

  class SeenStream final : public Hooks {
   public:
    Tensor at(const SiteCall& call, Tensor out) override {
      if (call.site == Site::kMlp) x = call.stream;
      return out;
    }
    Tensor x;
  } plain;
  const Tensor h = backbone->embed(init::uniform({2, 3, 16, 16}, 0, 1, RngKey(2), kCpu));
  const Tensor without = backbone->blocks(h, 1, 2, plain);
  const Tensor change = backbone->blocks(h, 1, 2, hooks).sub(without);
  const Tensor hidden = plain.x.matmul(find(drawn, "down_proj.weight")->t())
                            .add(*find(drawn, "down_proj.bias"))
                            .relu();
  const Tensor expected =
      hidden.matmul(find(drawn, "up_proj.weight")->t()).add(*find(drawn, "up_proj.bias"));
  CHECK(change.sub(expected).abs().max().item<double>() <
        1e-5 * expected.abs().max().item<double>());
  // Blocks without an adapter are left alone.
  CHECK(at::equal(backbone->blocks(h, 0, 1, hooks), backbone->blocks(h, 0, 1, plain)));
}

TEST_CASE("adapters of two blocks are drawn apart and named by their block", "[nn]") {
  AdapterHooks hooks(config::Node::of("parallel"), 0, 2,
                     {.dim = 8, .key = RngKey(1), .device = kCpu});
  const State state = tensors_of(hooks);
  REQUIRE(state.size() == 8);
  CHECK(state[0].first == "adapters.0.down_proj.weight");
  CHECK(state[4].first == "adapters.1.down_proj.weight");
  CHECK_FALSE(at::equal(state[0].second, state[4].second));
  CHECK(hooks.adapter(1) != nullptr);
  CHECK(hooks.adapter(2) == nullptr);
}

TEST_CASE("a lora changes the chosen projections by alpha over rank times B A", "[nn]") {
  const auto lora = build("lora: {rank: 1, alpha: 3, targets: [v, q]}", 2);
  CHECK((lora->sites() == std::vector{Site::kQkv}));
  load(*lora,
       {{"q.a", row({1, 2}).view({1, 2})},
        {"q.b", row({1, -1}).view({2, 1})},
        {"v.a", row({0, 1}).view({1, 2})},
        {"v.b", row({5, 0}).view({2, 1})}},
       "test");
  const Tensor x = row({10, 1});
  const SiteCall call{Site::kQkv, 0, x, x};
  // q: A x = 12, times B (1, -1), times 3; k untouched; v: A x = 1, times (5, 0), times 3.
  CHECK(
      at::equal(lora->delta(call, at::zeros({1, 1, 6}, at::kFloat)), row({36, -36, 0, 0, 15, 0})));
  const Tensor expected =
      at::cat({row({3, 6}), row({-3, -6}), row({0, 0}), row({0, 0}), row({0, 15}), row({0, 0})}, 0)
          .view({6, 2});
  CHECK(at::equal(*lora->weight_delta(Site::kQkv), expected));
}

TEST_CASE("a new lora has rank times twice the width for each projection and changes nothing",
          "[nn]") {
  const auto lora = build("lora: {rank: 4, targets: [q, k, v]}", 768);
  CHECK(count(trainable_parameters(*lora)) == 3 * 4 * (768 + 768));
  const State state = tensors_of(*lora);
  CHECK(find(state, "k.a")->abs().max().item<double>() > 0.035);  // up to 1 / sqrt(768) = 0.0361
  CHECK(find(state, "k.b")->abs().max().item<double>() == 0);
  CHECK_FALSE(at::equal(*find(state, "q.a"), *find(state, "k.a")));
  CHECK(count(parameters(*build("lora", 768))) == 2 * 4 * (768 + 768));  // q and v by default
}

TEST_CASE("a lora folded into the weights gives the same features as beside them", "[nn]") {
  const GradMode off(false);
  const auto backbone = vit();
  AdapterHooks hooks(config::Node::parse("lora: {rank: 2, targets: [q, k, v]}", "test.yaml"), 0, 3,
                     {.dim = 32, .key = RngKey(1), .device = kCpu});
  State drawn = snapshot(hooks);
  for (auto& [name, tensor] : drawn) {
    if (name.ends_with(".b")) tensor = init::normal(tensor.sizes(), 0, 1, RngKey(5), kCpu);
  }
  load(hooks, drawn, "test");
  const Tensor images = init::uniform({2, 3, 16, 16}, 0, 1, RngKey(2), kCpu);
  Hooks none;
  const Tensor plain = backbone->forward(images, none);
  const Tensor beside = backbone->forward(images, hooks);
  for (int64_t layer = 0; layer < 3; ++layer) {
    backbone->weight_at(Site::kQkv, layer).add_(*hooks.adapter(layer)->weight_delta(Site::kQkv));
  }
  const Tensor folded = backbone->forward(images, none);
  const double largest = beside.abs().max().item<double>();
  CHECK(folded.sub(beside).abs().max().item<double>() < 1e-5 * largest);
  CHECK(plain.sub(beside).abs().max().item<double>() > 1e-2 * largest);
}

TEST_CASE("lora targets are checked with their place", "[nn]") {
  CHECK_THROWS_WITH(build("lora:\n  targets: [q, o]", 8),
                    Contains("test.yaml:2") && Contains("unknown linear layer 'o'"));
  CHECK_THROWS_WITH(build("lora: {targets: [q, q]}", 8), Contains("named twice"));
  CHECK_THROWS_WITH(build("lora: {targets: []}", 8), Contains("at least one of q, k, v"));
}

}  // namespace cl
