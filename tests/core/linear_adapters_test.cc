// Adapters at single linear layers, and prefixes.
#include <map>

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/nn/adapters/adapter_hooks.h"
#include "core/nn/init.h"
#include "core/nn/threads.h"
#include "core/weights/state.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

constexpr double kTolerance = 1e-5;
constexpr int64_t kDim = 32, kHidden = 128, kDepth = 2;

const AdapterParts kMeasures{.dim = kDim,
                             .hidden = kHidden,
                             .num_heads = 2,
                             .num_tokens = 5,
                             .num_special_tokens = 1,
                             .key = RngKey(1),
                             .device = at::kCPU};

std::unique_ptr<Adapter> build(const std::string& yaml, const AdapterParts& parts = kMeasures) {
  return Adapters::get().make(config::Node::parse(yaml, "test.yaml"), parts);
}

AdapterHooks hooks_of(const std::string& yaml) {
  return {config::Node::parse(yaml, "test.yaml"), 0, kDepth, kMeasures};
}

std::unique_ptr<Backbone> vit() {
  const auto choice = config::Node::parse(
      "vit: {preset: custom, image_size: 16, patch_size: 8, width: 32, depth: 2, heads: 2, "
      "weights: random}",
      "test.yaml");
  return Backbones::get().make(choice, {RngKey(1), at::kCPU});
}

Tensor images() {
  return init::uniform({2, 3, 16, 16}, 0, 1, RngKey(2), at::kCPU);
}

template <TensorModule M>
void draw(M& module, double std) {
  uint64_t index = 0;
  for (Tensor& parameter : parameters(module)) {
    parameter.copy_(init::normal(parameter.sizes(), 0, std, RngKey(5).child(index++), at::kCPU));
  }
}

double largest(const Tensor& x) {
  return x.abs().max().item<double>();
}

/// Parameters of one block of LLaMA-7B, whose measures the paper's counts are of.
int64_t count_of_llama_block(const std::string& yaml) {
  const auto adapter = build(
      yaml, {.dim = 4096, .hidden = 11008, .num_heads = 32, .key = RngKey(1), .device = at::kCPU});
  return count(parameters(*adapter));
}

/// Notes what goes in and out, behind an adapter.
class Watching final : public Hooks {
 public:
  explicit Watching(Hooks& watched) : watched_(watched) {}
  Tensor at(const SiteCall& call, Tensor out) override {
    if (call.layer == 0) plain[call.site] = out;
    out = watched_.at(call, out);
    if (call.layer == 0) {
      input[call.site] = call.input.clone();
      changed[call.site] = out.clone();
    }
    return out;
  }
  std::map<Site, Tensor> input, plain, changed;  // by site, in block 0

 private:
  Hooks& watched_;
};

}  // namespace

TEST_CASE("adapters at linear layers have the published numbers of parameters", "[nn]") {
  constexpr int64_t kBlocks = 32;
  CHECK(kBlocks * count_of_llama_block("lora: {rank: 8}") == 4'194'304);
  CHECK(kBlocks * count_of_llama_block("lora: {rank: 32, targets: [q, k, v, fc1, fc2]}") ==
        56'098'816);
  CHECK(kBlocks * count_of_llama_block("linear_parallel") == 201'326'592);
  CHECK(kBlocks * count_of_llama_block("linear_parallel: {targets: [fc1, fc2]}") == 247'463'936);
  CHECK(kBlocks * count_of_llama_block("linear_series: {targets: [fc2]}") == 67'108'864);
  CHECK(kBlocks * count_of_llama_block("linear_series: {targets: [qkv, fc1, fc2]}") == 201'326'592);
  CHECK(kBlocks * count_of_llama_block("prefix") == 2'621'440);
}

TEST_CASE("a lora at every linear layer can be folded into the weights, and out again", "[nn]") {
  const GradMode off(false);
  const auto backbone = vit();
  AdapterHooks hooks = hooks_of("lora: {rank: 2, alpha: 1, targets: [q, v, proj, fc1, fc2]}");
  draw(hooks, 0.3);
  const State original = snapshot(*backbone);
  Hooks none;
  const Tensor plain = backbone->forward(images(), none);
  const Tensor beside = backbone->forward(images(), hooks);
  const auto fold = [&](double sign) {
    for (int64_t layer = 0; layer < kDepth; ++layer) {
      const Adapter& adapter = *hooks.adapter(layer);
      CHECK(adapter.sites().size() == 4);
      for (const Site site : adapter.sites()) {
        backbone->weight_at(site, layer).add_(*adapter.weight_delta(site), sign);
      }
    }
  };
  fold(1);
  CHECK(largest(backbone->forward(images(), none) - beside) < kTolerance * largest(beside));
  CHECK(largest(plain - beside) > 1e-2 * largest(beside));
  fold(-1);
  for (const auto& [name, tensor] : tensors_of(*backbone)) {
    INFO(name);
    CHECK(largest(tensor - *find(original, name)) < 1e-6);
  }
}

TEST_CASE("a lora merged into the weights is the one beside them, whatever its layers", "[nn]") {
  const GradMode off(false);
  const std::string targets =
      GENERATE("q", "k", "v", "q, k", "k, v", "q, v", "q, k, v", "proj", "fc1", "fc2");
  INFO(targets);
  const auto backbone = vit();
  AdapterHooks hooks = hooks_of("lora: {rank: 3, alpha: 6, targets: [" + targets + "]}");
  draw(hooks, 0.3);
  Hooks none;
  const Tensor plain = backbone->forward(images(), none);
  Watching beside(hooks);
  const Tensor unmerged = backbone->forward(images(), beside);
  for (int64_t layer = 0; layer < kDepth; ++layer) {
    const Adapter& adapter = *hooks.adapter(layer);
    REQUIRE(adapter.sites().size() == 1);
    const Site site = adapter.sites().front();
    backbone->weight_at(site, layer).add_(*adapter.weight_delta(site));
  }
  Watching merged(none);
  const Tensor folded = backbone->forward(images(), merged);
  const Site site = hooks.adapter(0)->sites().front();
  const Tensor out = beside.changed.at(site);
  CHECK(largest(merged.changed.at(site) - out) < kTolerance * largest(out));
  CHECK(largest(folded - unmerged) < kTolerance * largest(unmerged));
  CHECK(largest(plain - unmerged) > 1e-3 * largest(unmerged));
}

TEST_CASE("what a lora gives queries, keys and values does not reach the others", "[nn]") {
  const std::vector<std::string> names{"q", "k", "v"};
  const Tensor x = init::normal({2, 5, kDim}, 0, 1, RngKey(3), at::kCPU);
  const Tensor out = at::zeros({2, 5, 3 * kDim}, at::kFloat);
  const SiteCall call{Site::kQkv, 0, x, x};
  const auto make = [](const std::string& targets) {
    auto adapter = build("lora: {rank: 3, targets: [" + targets + "]}");
    const GradMode off(false);
    draw(*adapter, 0.3);
    return adapter;
  };
  for (size_t own = 0; own < names.size(); ++own) {
    INFO(names[own]);
    const auto alone = make(names[own]);
    const Tensor change = alone->delta(call, out), matrix = *alone->weight_delta(Site::kQkv);
    for (size_t other = 0; other < names.size(); ++other) {
      const auto first = static_cast<int64_t>(other) * kDim;
      CHECK((largest(change.narrow(2, first, kDim)) > 0) == (other == own));
      CHECK((largest(matrix.narrow(0, first, kDim)) > 0) == (other == own));
    }
    // The gradient of one slice is its own matrices' alone.
    const auto all = make("q, k, v");
    all->delta(call, out).narrow(2, static_cast<int64_t>(own) * kDim, kDim).sum().backward();
    const auto matrices = parameters(*all);  // a and b of each
    REQUIRE(matrices.size() == 6);
    for (size_t i = 0; i < matrices.size(); ++i) {
      REQUIRE(matrices[i].grad().defined());
      CHECK((largest(matrices[i].grad()) > 0) == (i / 2 == own));
    }
  }
}

TEST_CASE("a bottleneck beside a layer with the identity in it is a lora", "[nn]") {
  const GradMode off(false);
  const auto backbone = vit();
  for (const std::string target : {"q", "k", "v", "proj", "fc1", "fc2"}) {
    INFO(target);
    AdapterHooks lora = hooks_of("lora: {rank: 3, alpha: 6, targets: [" + target + "]}");
    AdapterHooks parallel =
        hooks_of("linear_parallel: {bottleneck: 3, activation: identity, scale: 2, targets: [" +
                 target + "]}");
    draw(lora, 0.3);
    State weights = snapshot(parallel);
    for (auto& [name, tensor] : weights) {
      const bool is_down = name.ends_with("down_proj.weight");
      const std::string block = name.substr(0, name.find(target));
      tensor = *find(tensors_of(lora), fmt::format("{}{}.{}", block, target, is_down ? "a" : "b"));
    }
    load(parallel, weights, "test");
    Hooks none;
    const Tensor expected = backbone->forward(images(), lora);
    CHECK(largest(backbone->forward(images(), parallel) - expected) <
          kTolerance * largest(expected));
    CHECK(largest(backbone->forward(images(), none) - expected) > 1e-4);
  }
}

TEST_CASE("a bottleneck before a layer changes what it reads, one after it what it gives", "[nn]") {
  const GradMode off(false);
  const auto backbone = vit();
  const State weights = tensors_of(*backbone);
  struct Case {
    std::string target, layer;
    Site site, norm;  // the norm before the layer, where that is changed
    bool is_before;
  };
  for (const Case& given : {Case{"qkv", "attn.qkv", Site::kQkv, Site::kNorm1, true},
                            Case{"fc1", "mlp.fc1", Site::kFc1, Site::kNorm2, true},
                            Case{"proj", "attn.proj", Site::kProj, Site::kNorm1, false},
                            Case{"fc2", "mlp.fc2", Site::kFc2, Site::kNorm2, false}}) {
    INFO(given.target);
    AdapterHooks hooks =
        hooks_of("linear_series: {bottleneck: 3, scale: 0.5, targets: [" + given.target + "]}");
    draw(hooks, 0.3);
    Watching watching(hooks);
    (void)backbone->forward(images(), watching);
    const State own = tensors_of(*hooks.adapter(0));
    const auto function = [&](const Tensor& x) {
      const Tensor hidden = x.matmul(find(own, given.target + ".down_proj.weight")->t()).tanh();
      return x + 0.5 * hidden.matmul(find(own, given.target + ".up_proj.weight")->t());
    };
    const auto linear = [&](const Tensor& x) {
      const std::string name = "blocks.0." + given.layer;
      return x.matmul(find(weights, name + ".weight")->t()) + *find(weights, name + ".bias");
    };
    const Tensor expected = given.is_before ? linear(function(watching.plain.at(given.norm)))
                                            : function(linear(watching.input.at(given.site)));
    CHECK(largest(watching.changed.at(given.site) - expected) < kTolerance);
    CHECK(largest(watching.changed.at(given.site) - linear(watching.input.at(given.site))) >
          (given.is_before ? -1 : 1e-3));
    CHECK(at::equal(watching.plain.at(given.norm), watching.changed.at(given.norm)) !=
          given.is_before);
  }
}

TEST_CASE("adapters with both matrices drawn are near the plain network, not on it", "[nn]") {
  const GradMode off(false);
  const auto backbone = vit();
  const std::string kind = GENERATE("linear_series", "linear_parallel", "series", "parallel");
  Hooks none;
  AdapterHooks fresh = hooks_of(kind), drawn = hooks_of(kind + ": {init: normal, bottleneck: 2}");
  const Tensor plain = backbone->forward(images(), none);
  CHECK(at::equal(backbone->forward(images(), fresh), plain));
  const double shift = largest(backbone->forward(images(), drawn) - plain);
  CHECK(shift > 0);
  CHECK(shift < 0.05);
}

TEST_CASE("a learned scale is one more parameter, and starts where it is told", "[nn]") {
  const std::string options = "linear_parallel: {bottleneck: 2, targets: [fc2], scale: 3";
  const auto fixed = build(options + "}"), learned = build(options + ", learned_scale: true}");
  CHECK(count(trainable_parameters(*learned)) == count(parameters(*fixed)) + 1);
  const GradMode off(false);
  const Tensor up = init::normal({kDim, 2}, 0, 1, RngKey(6), at::kCPU);
  for (const auto& adapter : {fixed.get(), learned.get()}) {
    for (auto& [name, tensor] : tensors_of(*adapter)) {
      if (name == "fc2.up_proj.weight") tensor.copy_(up);
    }
  }
  const Tensor x = init::normal({1, 2, kHidden}, 0, 1, RngKey(7), at::kCPU);
  const SiteCall call{Site::kFc2, 0, x, x};
  const Tensor out = x.narrow(2, 0, kDim), before = learned->delta(call, out);
  CHECK(at::equal(before, fixed->delta(call, out)));
  for (auto& [name, tensor] : tensors_of(*learned)) {
    if (name == "fc2.scale") tensor.fill_(1.5);
  }
  CHECK(largest(learned->delta(call, out) * 2 - before) < kTolerance);
}

TEST_CASE("a prefix puts its rows before the keys and values, head after head", "[nn]") {
  const auto adapter = build("prefix: {tokens: 3}");
  const Tensor tokens = init::normal({2, 5, kDim}, 0, 1, RngKey(3), at::kCPU);
  const auto prefix = adapter->prefix(tokens);
  REQUIRE(prefix.has_value());
  const Tensor table = tensors_of(*adapter).front().second;
  REQUIRE(prefix->key.sizes() == at::IntArrayRef({2, 2, 3, 16}));
  for (const int64_t head : {0, 1}) {
    CHECK(at::equal(prefix->key[1][head], table[0][0].narrow(1, 16 * head, 16)));
    CHECK(at::equal(prefix->value[0][head], table[0][1].narrow(1, 16 * head, 16)));
  }
  const double std = table.std().item<double>();  // of 192 numbers from N(0, 1)
  CHECK(std > 0.8);
  CHECK(std < 1.2);
}

TEST_CASE("a prefix is trained", "[nn]") {
  const auto backbone = vit();
  AdapterHooks hooks = hooks_of("prefix: {tokens: 2}");
  backbone->forward(images(), hooks).square().sum().backward();
  for (const Tensor& parameter : parameters(hooks)) {
    REQUIRE(parameter.grad().defined());
    CHECK(largest(parameter.grad()) > 0);
  }
}

TEST_CASE("the layers of an adapter are checked with their place", "[nn]") {
  CHECK_THROWS_WITH(build("linear_series:\n  targets: [q]"),
                    Contains("test.yaml:2") && Contains("expected one of qkv, proj, fc1, fc2"));
  CHECK_THROWS_WITH(build("linear_parallel: {targets: [fc1, fc1]}"), Contains("named twice"));
}

}  // namespace cl
