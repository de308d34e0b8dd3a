// What backbones, adapters and heads promise, checked on each one that is registered.

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>

#include "core/nn/adapters/adapter_hooks.h"
#include "core/nn/heads/head.h"
#include "core/nn/init.h"
#include "core/nn/threads.h"
#include "tests/conformance/world.h"

namespace cl::conformance {
namespace {

constexpr double kTolerance = 1e-5;

/// Notes the sites in the order in which they are passed.
class Recording final : public Hooks {
 public:
  explicit Recording(const Backbone& watched) : backbone(watched) {}
  Tensor at(const SiteCall& call, Tensor out) override {
    const BackboneInfo& info = backbone.info();
    CHECK(call.stream.size(2) == info.dim);
    CHECK(call.input.size(2) == (call.site == Site::kFc2 ? info.hidden : info.dim));
    const std::map<Site, int64_t> widths{{Site::kQkv, 3 * info.dim}, {Site::kFc1, info.hidden}};
    const auto other = widths.find(call.site);
    CHECK(out.size(2) == (other == widths.end() ? info.dim : other->second));
    passed.emplace_back(call.layer, static_cast<int>(call.site));
    return out;
  }
  const Backbone& backbone;
  std::vector<std::pair<int64_t, int>> passed;  // layer and site; Catch cannot print a Site
};

std::vector<int64_t> with_batch(int64_t n, const std::vector<int64_t>& sample) {
  std::vector<int64_t> shape{n};
  shape.insert(shape.end(), sample.begin(), sample.end());
  return shape;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST_CASE("a backbone can be cut between any two blocks and passes its sites in order",
          "[conformance][backbone]") {
  const GradMode no_gradients(false);
  for (const auto& entry : Backbones::get().entries()) {
    INFO(entry->name);
    const auto backbone = Backbones::get().make(shortest(entry->name), {RngKey(1), at::kCPU});
    const BackboneInfo& info = backbone->info();
    const Tensor x = init::normal(with_batch(2, info.sample_shape), 0.5, 0.2, RngKey(2), at::kCPU);
    Recording hooks(*backbone);
    const Tensor features = backbone->forward(x, hooks);
    CHECK(features.sizes() == at::IntArrayRef({2, info.dim}));

    std::vector<std::pair<int64_t, int>> expected{{0, static_cast<int>(Site::kPatches)}};
    for (int64_t layer = 0; layer < info.depth; ++layer) {
      for (const Site site :
           {Site::kBlockInput, Site::kNorm1, Site::kQkv, Site::kProj, Site::kAttention,
            Site::kNorm2, Site::kFc1, Site::kFc2, Site::kMlp, Site::kBlockOutput}) {
        expected.emplace_back(layer, static_cast<int>(site));
      }
    }
    expected.emplace_back(info.depth, static_cast<int>(Site::kNorm));
    CHECK(hooks.passed == expected);

    Hooks none;
    const Tensor tokens = backbone->embed(x);
    CHECK(tokens.sizes() == at::IntArrayRef({2, info.num_tokens, info.dim}));
    CHECK(backbone->special_position().sizes() == at::IntArrayRef({info.dim}));
    for (int64_t cut = 0; cut <= info.depth; ++cut) {
      const Tensor rest =
          backbone->blocks(backbone->blocks(tokens, 0, cut, none), cut, info.depth, none);
      CHECK(at::equal(backbone->pool(backbone->norm(rest)), features));
    }
  }
}

TEST_CASE("a clone computes the same, and has tensors of its own", "[conformance][backbone]") {
  const GradMode no_gradients(false);
  for (const auto& entry : Backbones::get().entries()) {
    INFO(entry->name);
    const auto backbone = Backbones::get().make(shortest(entry->name), {RngKey(1), at::kCPU});
    set_trainable(*backbone, false);
    const auto clone = backbone->clone();
    const BackboneInfo& info = backbone->info();
    const Tensor x = init::normal(with_batch(2, info.sample_shape), 0.5, 0.2, RngKey(2), at::kCPU);
    Hooks none;
    const Tensor features = backbone->forward(x, none);
    CHECK(at::equal(clone->forward(x, none), features));
    CHECK(clone->info().weights_digest == info.weights_digest);
    set_trainable(*clone, true);
    for (Tensor& parameter : parameters(*clone)) parameter.zero_();
    CHECK(trainable_parameters(*backbone).empty());
    CHECK(at::equal(backbone->forward(x, none), features));
  }
}

TEST_CASE("the same key gives the same backbone, another key another", "[conformance][backbone]") {
  int with_weights = 0;
  for (const auto& entry : Backbones::get().entries()) {
    INFO(entry->name);
    const auto make = [&](uint64_t seed) {
      return Backbones::get().make(shortest(entry->name), {RngKey(seed), at::kCPU});
    };
    const auto backbone = make(1);
    CHECK(make(1)->info().weights_digest == backbone->info().weights_digest);
    if (parameters(*backbone).empty()) continue;
    CHECK(make(2)->info().weights_digest != backbone->info().weights_digest);
    ++with_weights;
  }
  CHECK(with_weights > 0);
}

TEST_CASE("a new adapter changes nothing unless its traits say so, and a trained one something",
          "[conformance][adapter]") {
  const GradMode no_gradients(false);
  const auto backbone = testing::make_tiny();
  const int64_t depth = backbone->info().depth;
  const Tensor x = init::normal({4, 3, 8, 8}, 0.5, 0.2, RngKey(2), at::kCPU);
  Hooks none;
  const Tensor plain = backbone->forward(x, none);
  for (const auto& entry : Adapters::get().entries()) {
    INFO(entry->name);
    AdapterHooks adapters(config::Node::of(entry->name), 0, depth,
                          adapter_parts(backbone->info(), RngKey(3), at::kCPU));
    CHECK(at::equal(backbone->forward(x, adapters), plain) ==
          entry->traits.changes_nothing_when_new);
    CHECK(trainable_parameters(adapters).size() == parameters(adapters).size());
    uint64_t index = 0;
    for (Tensor& parameter : parameters(adapters)) {
      parameter.copy_(init::normal(parameter.sizes(), 0, 0.3, RngKey(4).child(index++), at::kCPU));
    }
    CHECK(index > 0);
    CHECK(largest_difference(backbone->forward(x, adapters), plain) > 1e-3);
  }
}

TEST_CASE("what an adapter draws is in its key, and merged experts compute the same at test",
          "[conformance][adapter]") {
  const GradMode no_gradients(false);
  const auto backbone = testing::make_tiny();
  const Tensor x = init::normal({4, 3, 8, 8}, 0.5, 0.2, RngKey(2), at::kCPU);
  for (const auto& entry : Adapters::get().entries()) {
    INFO(entry->name);
    AdapterHooks adapters(config::Node::of(entry->name), 0, backbone->info().depth,
                          adapter_parts(backbone->info(), RngKey(3), at::kCPU));
    uint64_t index = 0;
    for (Tensor& parameter : parameters(adapters)) {
      parameter.copy_(init::normal(parameter.sizes(), 0, 0.3, RngKey(4).child(index++), at::kCPU));
    }
    const Tensor at_test = backbone->forward(x, adapters);
    adapters.draw_from(RngKey(5));
    const Tensor drawn = backbone->forward(x, adapters);
    CHECK(at::equal(backbone->forward(x, adapters), drawn));
    adapters.draw_from(std::nullopt);
    CHECK(at::equal(backbone->forward(x, adapters), at_test));
    adapters.merge_experts(RngKey(6));
    CHECK(largest_difference(backbone->forward(x, adapters), at_test) < kTolerance);
  }
}

TEST_CASE("an adapter with a weight delta can be folded into the weight",
          "[conformance][adapter]") {
  const GradMode no_gradients(false);
  const Tensor x = init::normal({4, 3, 8, 8}, 0.5, 0.2, RngKey(2), at::kCPU);
  int folded = 0;
  for (const auto& entry : Adapters::get().entries()) {
    INFO(entry->name);
    const auto backbone = testing::make_tiny();
    AdapterHooks adapters(config::Node::of(entry->name), 0, backbone->info().depth,
                          adapter_parts(backbone->info(), RngKey(3), at::kCPU));
    uint64_t index = 0;
    for (Tensor& parameter : parameters(adapters)) {
      parameter.copy_(init::normal(parameter.sizes(), 0, 0.3, RngKey(4).child(index++), at::kCPU));
    }
    const std::vector<Site> sites = adapters.adapter(0)->sites();
    const bool folds = !sites.empty() && std::all_of(sites.begin(), sites.end(), [&](Site site) {
      return adapters.adapter(0)->weight_delta(site).has_value();
    });
    if (!folds) continue;
    const Tensor unmerged = backbone->forward(x, adapters);
    for (int64_t layer = 0; layer < backbone->info().depth; ++layer) {
      const Adapter& adapter = *adapters.adapter(layer);
      for (const Site site : sites) {
        backbone->weight_at(site, layer).add_(*adapter.weight_delta(site));
      }
    }
    Hooks none;
    CHECK(largest_difference(backbone->forward(x, none), unmerged) < kTolerance);
    ++folded;
  }
  CHECK(folded > 0);
}

TEST_CASE("a head has one logit a class, and a class's loss reaches all of its parameters",
          "[conformance][head]") {
  for (const auto& entry : Heads::get().entries()) {
    INFO(entry->name);
    const auto head = entry->make(
        config::Node(), {.dim = 5, .num_classes = 3, .key = RngKey(1), .device = at::kCPU});
    set_trainable(*head, true);
    const Tensor features = init::normal({4, 5}, 0, 1, RngKey(2), at::kCPU);
    const Tensor logits = head->logits(features);
    CHECK(logits.sizes() == at::IntArrayRef({4, 3}));
    CHECK(logits.isfinite().all().item<bool>());
    logits.select(1, 1).sum().backward();
    for (const Tensor& parameter : parameters(*head)) {
      REQUIRE(parameter.grad().defined());
      if (parameter.size(0) != 3) continue;  // not one row a class
      CHECK(parameter.grad()[0].abs().max().item<double>() == 0);
      CHECK(parameter.grad()[1].abs().max().item<double>() > 0);
      CHECK(parameter.grad()[2].abs().max().item<double>() == 0);
    }
  }
}

}  // namespace
}  // namespace cl::conformance
