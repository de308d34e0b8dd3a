// Adapters whose weights are split among experts.
#include <algorithm>
#include <set>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/zeros_like.h>

#include "core/nn/adapters/adapter_hooks.h"
#include "core/nn/adapters/expert_linear.h"
#include "core/nn/init.h"
#include "core/nn/threads.h"
#include "core/train/optimiser.h"
#include "core/weights/state.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

std::unique_ptr<Adapter> build(const std::string& yaml, int64_t dim) {
  return Adapters::get().make(config::Node::parse(yaml, "test.yaml"),
                              {.dim = dim, .key = RngKey(1), .device = at::kCPU});
}

ExpertLinear experts(int64_t in, int64_t out, int64_t number) {
  return {make_linear(in, out, RngKey(1), at::kCPU), number, RngKey(2)};
}

Tensor tokens(int64_t dim) {
  return init::normal({3, 4, dim}, 0, 1, RngKey(3), at::kCPU);
}

template <TensorModule M>
void draw(M& module, double std) {
  const GradMode off(false);
  uint64_t index = 0;
  for (Tensor& parameter : parameters(module)) {
    parameter.copy_(init::normal(parameter.sizes(), 0, std, RngKey(5).child(index++), at::kCPU));
  }
}

double largest(const Tensor& x) {
  return x.abs().max().item<double>();
}

}  // namespace

TEST_CASE("every entry has one owner, and all own as many, but for one", "[nn]") {
  const int64_t number = GENERATE(2, 3, 4, 7);
  ExpertLinear split = experts(11, 5, number);
  const Tensor owner = *find(tensors_of(split), "owner");
  int64_t sum = 0, fewest = owner.numel(), most = 0;
  for (int64_t i = 0; i < number; ++i) {
    const int64_t own = owner.eq(i).sum().item<int64_t>();
    sum += own;
    fewest = std::min(fewest, own);
    most = std::max(most, own);
  }
  CHECK(sum == 55);
  CHECK(most - fewest <= 1);
  const Tensor before = owner.clone();
  split.merge(RngKey(9));
  CHECK_FALSE(at::equal(owner, before));
}

TEST_CASE("new experts are all the layer that they started from", "[nn]") {
  const Linear start = make_linear(6, 5, RngKey(1), at::kCPU);
  const ExpertLinear split(start, 3, RngKey(2));
  const Tensor x = tokens(6);
  for (int64_t i = 0; i < 3; ++i) CHECK(at::equal(split(x, i), start(x)));
  CHECK(largest(split(x, {}) - start(x)) < 1e-6);
}

TEST_CASE("an expert's steps change its own part and bias alone", "[nn]") {
  ExpertLinear split = experts(6, 5, 4);
  const State before = snapshot(split);
  const auto optimiser = train::make_optimiser({{parameters(split)}},
                                               {.optimiser = "sgd", .lr = 0.1, .weight_decay = 0});
  for (int step = 0; step < 3; ++step) {
    optimiser->clear_gradients();
    split(tokens(6), 2).square().sum().backward();
    optimiser->step();
  }
  const State after = tensors_of(split);
  const Tensor moved = find(after, "weight")->ne(*find(before, "weight"));
  CHECK(at::equal(moved, find(before, "owner")->eq(2)));
  for (int64_t i = 0; i < 4; ++i) {
    CHECK(at::equal((*find(after, "biases"))[i], (*find(before, "biases"))[i]) == (i != 2));
  }
  // Another expert has not noticed.
  ExpertLinear fresh = experts(6, 5, 4);
  CHECK(at::equal(split(tokens(6), 1), fresh(tokens(6), 1)));
}

TEST_CASE("experts together are their mean, and stay so when merged", "[nn]") {
  ExpertLinear split = experts(6, 5, 4);
  draw(split, 0.5);
  const State state = snapshot(split);
  const GradMode off(false);
  const Tensor x = tokens(6);
  Tensor mean = at::zeros_like(split(x, 0));
  for (int64_t i = 0; i < 4; ++i) mean += split(x, i) / 4;
  CHECK(largest(split(x, {}) - mean) < 1e-6);
  // W_0 + 1/N sum_i M_i Delta_i, in double
  const Tensor start = find(state, "start")->to(at::kDouble);
  const Tensor change = find(state, "weight")->to(at::kDouble) - start;
  Tensor sum = at::zeros_like(start);
  for (int64_t i = 0; i < 4; ++i) sum += change * find(state, "owner")->eq(i) / 4;
  split.merge(RngKey(9));
  const State merged = tensors_of(split);
  CHECK(largest(find(merged, "start")->to(at::kDouble) - start - sum) < 1e-7);
  CHECK(at::equal(*find(merged, "weight"), *find(merged, "start")));
  for (int64_t i = 0; i < 4; ++i) CHECK(largest(split(x, i) - mean) < 1e-6);
  CHECK(largest(split(x, {}) - mean) < 1e-6);
}

TEST_CASE("a mosa adapter has the published numbers of parameters", "[nn]") {
  const auto count_of = [](const std::string& yaml) {
    return 12 * count(trainable_parameters(*build(yaml, 768)));
  };
  CHECK(count_of("mosa: {experts: 1}") == 1'208'064);
  CHECK(count_of("mosa: {experts: 1, bottleneck: 16}") == 322'752);
  CHECK(count_of("mosa") == 1'235'712);  // what moves: U once, and four of its bias
}

TEST_CASE("with a shared way down the merged adapter is the mean of the drawn ones", "[nn]") {
  const GradMode off(false);
  const std::string share = GENERATE("down", "up", "none");
  INFO(share);
  const auto adapter = build("mosa: {experts: 2, dropout: 0, scale: 1, share: " + share + "}", 6);
  draw(*adapter, 1);
  const Tensor x = tokens(6);
  const SiteCall call{Site::kMlp, 0, x, x};
  const Tensor merged = adapter->delta(call, x);
  // Every choice of experts comes up in 64 passes.
  std::vector<Tensor> choices;
  for (uint64_t pass = 0; pass < 64; ++pass) {
    adapter->draw_from(RngKey(7).child(pass));
    const Tensor result = adapter->delta(call, x);
    CHECK(at::equal(adapter->delta(call, x), result));
    const bool is_known = std::any_of(choices.begin(), choices.end(), [&](const Tensor& choice) {
      return at::equal(choice, result);
    });
    if (!is_known) choices.push_back(result);
  }
  CHECK(choices.size() == (share == "none" ? 4 : 2));
  Tensor mean = at::zeros_like(merged);
  for (const Tensor& choice : choices) mean += choice / static_cast<double>(choices.size());
  if (share == "down") {
    CHECK(largest(merged - mean) < 1e-6 * std::max(1.0, largest(mean)));
  } else {
    CHECK(largest(merged - mean) > 1e-4);
  }
}

TEST_CASE("a mosa adapter of one expert is the standard adapter of its style", "[nn]") {
  const GradMode off(false);
  const std::string style = GENERATE("adaptformer", "pfeiffer", "houlsby");
  INFO(style);
  const auto adapter = build("mosa: {experts: 1, bottleneck: 3, style: " + style +
                                 (style == "adaptformer" ? ", dropout: 0}" : "}"),
                             6);
  draw(*adapter, 1);
  const State state = tensors_of(*adapter);
  const Tensor stream = tokens(6), out = stream.sin(), input = stream.cos();
  const auto bottleneck = [&](const std::string& name, const Tensor& x, auto&& activation) {
    const auto linear = [&](const std::string& part, const Tensor& in) {
      return in.matmul(find(state, name + part + ".weight")->t()) +
             (*find(state, name + part + ".biases"))[0];
    };
    return linear(".up", activation(linear(".down", x)));
  };
  const auto norm = [&](const Tensor& x) {
    return at::layer_norm(x, {6}, *find(state, "norm.weight"), *find(state, "norm.bias"), 1e-6);
  };
  const auto silu = [](const Tensor& x) { return x * x.sigmoid(); };
  for (const bool draws : {false, true}) {
    if (draws) adapter->draw_from(RngKey(8));
    const auto check = [&](Site site, const Tensor& expected) {
      const Tensor found = adapter->delta({site, 0, stream, input}, out);
      CHECK(largest(found - expected) < 1e-5 * largest(expected));
    };
    if (style == "adaptformer") {
      check(Site::kMlp,
            0.1 * bottleneck("mlp", norm(stream), [](const Tensor& x) { return at::gelu(x); }));
    } else if (style == "pfeiffer") {
      check(Site::kMlp, bottleneck("mlp", norm(out), [](const Tensor& x) { return x.relu(); }));
    } else {
      check(Site::kAttention, bottleneck("attention", stream + out, silu));
      check(Site::kBlockOutput, bottleneck("block", out, silu));
    }
  }
}

TEST_CASE("dropped values are drawn from the pass's key, and only in passes that draw", "[nn]") {
  const GradMode off(false);
  const auto dropping = build("mosa: {experts: 1, dropout: 0.5, scale: 1}", 6);
  const auto keeping = build("mosa: {experts: 1, dropout: 0, scale: 1}", 6);
  draw(*dropping, 1);
  draw(*keeping, 1);
  const Tensor x = tokens(6);
  const SiteCall call{Site::kMlp, 0, x, x};
  const Tensor plain = keeping->delta(call, x);
  CHECK(at::equal(dropping->delta(call, x), plain));
  constexpr uint64_t kPasses = 400;
  Tensor mean = at::zeros_like(plain);
  for (uint64_t pass = 0; pass < kPasses; ++pass) {
    dropping->draw_from(RngKey(7).child(pass));
    const Tensor result = dropping->delta(call, x);
    CHECK_FALSE(at::equal(result, plain));
    mean += result / static_cast<double>(kPasses);
  }
  // A hidden value's standard deviation is its own size: 64 of about 1, over 400 passes.
  CHECK(largest(mean - plain) < 0.2 * largest(plain));
}

TEST_CASE("blocks draw apart from one another", "[nn]") {
  const GradMode off(false);
  AdapterHooks hooks(config::Node::parse("mosa: {dropout: 0}", "test.yaml"), 0, 2,
                     {.dim = 6, .key = RngKey(1), .device = at::kCPU});
  // Both blocks have the same values and parts.
  draw(*hooks.adapter(0), 1);
  load(*hooks.adapter(1), snapshot(*hooks.adapter(0)), "test");
  const Tensor x = tokens(6);
  int equal = 0;
  constexpr int kPasses = 64;
  for (uint64_t pass = 0; pass < kPasses; ++pass) {
    hooks.draw_from(RngKey(7).child(pass));
    const Tensor first = hooks.adapter(0)->delta({Site::kMlp, 0, x, x}, x);
    equal += at::equal(first, hooks.adapter(1)->delta({Site::kMlp, 1, x, x}, x)) ? 1 : 0;
  }
  // Four experts agree a quarter of the time: 16 of 64, with a standard deviation of 3.5.
  CHECK(equal > 4);
  CHECK(equal < 30);
}

}  // namespace cl
