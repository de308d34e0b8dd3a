#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "learners/sema/block.h"
#include "learners/sema/mixture.h"
#include "tests/learners/sema_world.h"
#include "tests/support/catch.h"

namespace cl::sema {
namespace {

using testing::first_rows;
using testing::World;

constexpr int64_t kDim = 16;
constexpr double kTolerance = 1e-6;

Tensor random(at::IntArrayRef shape, uint64_t seed) {
  return init::normal(shape, 0, 1, RngKey(seed), at::kCPU);
}

double largest(const Tensor& x) {
  return x.abs().max().item<double>();
}

/// One block with `num_adapters` shaken adapters, frozen but for the last.
struct Bench {
  Bench(const Options& chosen, int64_t num_adapters, bool expandable = true)
      : options(chosen),
        block(options, {1, expandable, {.dim = kDim, .key = RngKey(5), .device = at::kCPU}}) {
    for (int64_t k = 1; k < num_adapters; ++k) {
      block.freeze();
      block.add_adapter();
    }
    uint64_t seed = 50;
    for (Module& module : block.modules()) {
      for (Tensor& tensor : parameters(*module.functional)) {
        const GradMode no_gradients(false);
        tensor.copy_(random(tensor.sizes(), ++seed));
      }
    }
  }

  Tensor delta(bool training = false) const {
    const std::vector<int64_t> rows = first_rows(stream.size(0));
    return block.delta({Site::kMlp, 1, stream, normed}, out,
                       {.training = training, .rows = rows, .key = RngKey(3)});
  }
  Tensor delta_of(size_t k) const {
    return block.modules()[k].functional->delta({Site::kMlp, 1, stream, normed}, out);
  }

  Options options;
  Block block;
  Tensor stream = random({6, 5, kDim}, 1), normed = random({6, 5, kDim}, 2),
         out = random({6, 5, kDim}, 3);
};

Options with_mixture(const std::string& mixture) {
  Options options = World::small();
  options.mixture = mixture;
  return options;
}

TEST_CASE("modules of width 768 have the published numbers of parameters", "[sema]") {
  const auto [bottleneck, expected] = GENERATE(table<int64_t, int64_t>({
      {16, 25360},  // 768 * 16 + 16 + 16 * 768 + 768
      {48, 74544},  // 768 * 48 + 48 + 48 * 768 + 768
      {64, 99136},  // 768 * 64 + 64 + 64 * 768 + 768
  }));
  Options options;
  options.adapter =
      config::Node::parse(fmt::format("parallel: {{bottleneck: {}}}", bottleneck), "test");
  Block block(options, {9, true, {.dim = 768, .key = RngKey(1), .device = at::kCPU}});
  CHECK(count(parameters(*block.modules()[0].functional)) == expected);
  // 768 * 128 + 128 + 128 * 768 + 768
  CHECK(count(parameters(*block.modules()[0].descriptor)) == 197504);
  CHECK(count(parameters(block.router())) == 769);
}

TEST_CASE("an adapter reads the stream before the norm, and its scale is 1", "[sema]") {
  const bool expandable = GENERATE(true, false);
  Options options = World::small();
  Bench bench(options, 1, expandable);
  // f(x) = U relu(D x + b_D) + b_U with x the stream, written out.
  const std::vector<Tensor> f = parameters(*bench.block.modules()[0].functional);
  const Tensor expected = (bench.stream.matmul(f[0].t()) + f[1]).relu().matmul(f[2].t()) + f[3];
  CHECK(largest(bench.delta() - expected) < kTolerance * largest(expected));
  {
    const GradMode no_gradients(false);
    f[2].mul_(3);
    f[3].mul_(3);
  }
  CHECK(largest(bench.delta() - 3 * expected) < kTolerance * largest(3 * expected));
}

TEST_CASE("descriptors see the mean over all tokens, before or after the norm", "[sema]") {
  Options options = World::small();
  options.descriptor_input = GENERATE(as<std::string>(), "pre_ln2", "post_ln2");
  Bench bench(options, 1);
  const std::vector<int64_t> rows = first_rows(6);
  Tensor seen;
  const ForwardPass pass{.rows = rows,
                         .key = RngKey(3),
                         .at_pooled = [&](int64_t, const Tensor& pooled) { seen = pooled; }};
  (void)bench.block.delta({Site::kMlp, 1, bench.stream, bench.normed}, bench.out, pass);
  const Tensor& source = options.descriptor_input == "pre_ln2" ? bench.stream : bench.normed;
  CHECK(largest(seen - source.mean(1)) == 0);
}

TEST_CASE("the class token can stand for all tokens", "[sema]") {
  Options options = World::small();
  options.pooling = "class_token";
  Bench bench(options, 1);
  const std::vector<int64_t> rows = first_rows(6);
  Tensor seen;
  const ForwardPass pass{.rows = rows,
                         .key = RngKey(3),
                         .at_pooled = [&](int64_t, const Tensor& pooled) { seen = pooled; }};
  (void)bench.block.delta({Site::kMlp, 1, bench.stream, bench.normed}, bench.out, pass);
  CHECK(seen.equal(bench.stream.select(1, 0)));
}

TEST_CASE("a descriptor of zeros errs by the mean, or the sum, of the squares", "[sema]") {
  const GradMode no_gradients(false);
  Options options = World::small();
  const Tensor pooled = random({3, kDim}, 4);
  const auto errors = [&](const std::string& reconstruction) {
    options.reconstruction = reconstruction;
    Descriptor descriptor(options, kDim, RngKey(1), at::kCPU);
    for (Tensor& tensor : parameters(descriptor)) tensor.zero_();
    return descriptor.errors(pooled);
  };
  CHECK(largest(errors("mean") - pooled.square().mean(1)) < kTolerance);
  CHECK(largest(errors("sum") - pooled.square().sum(1)) < 16 * kTolerance);
}

TEST_CASE("a leaky descriptor keeps a hundredth of negative codes", "[sema]") {
  const GradMode no_gradients(false);
  Options options = World::small();
  options.descriptor_dim = 1;
  options.descriptor_activation = "leaky_relu_encoder";
  Descriptor descriptor(options, 2, RngKey(1), at::kCPU);
  descriptor.encoder.weight.copy_(at::ones({1, 2}));
  descriptor.decoder.weight.copy_(at::ones({2, 1}));
  // codes 2 and -4 -> 2 and -0.04; reconstruction (2, 2) for (1, 1): error 1;
  // (-0.04, -0.04) for (-2, -2): error 1.96^2 = 3.8416
  Tensor pooled = at::ones({2, 2});
  pooled[1].fill_(-2);
  const Tensor errors = descriptor.errors(pooled);
  CHECK(errors[0].item<double>() == Approx(1));
  CHECK(errors[1].item<double>() == Approx(3.8416));
}

TEST_CASE("a descriptor may be leaky at both ends", "[sema]") {
  const GradMode no_gradients(false);
  Options options = World::small();
  options.descriptor_dim = 1;
  options.descriptor_activation = "leaky_relu_both";
  Descriptor descriptor(options, 1, RngKey(1), at::kCPU);
  descriptor.encoder.weight.copy_(at::ones({1, 1}));
  descriptor.decoder.weight.copy_(at::ones({1, 1}));
  // -2 -> -0.02 -> -0.0002: error 1.9998^2 = 3.99920004
  CHECK(descriptor.errors(at::full({1, 1}, -2.0))[0].item<double>() == Approx(3.99920004));
}

TEST_CASE("signed z-scores keep the sign that absolute ones drop", "[sema]") {
  const GradMode no_gradients(false);
  Options options = World::small();
  options.zscore = GENERATE(as<std::string>(), "absolute", "signed");
  Descriptor descriptor(options, 2, RngKey(1), at::kCPU);
  for (Tensor& tensor : parameters(descriptor)) tensor.zero_();
  Tensor known = at::zeros({4});
  for (int64_t i = 0; i < 4; ++i) known[i] = i + 1;  // mean 2.5, deviation 1.2909944
  descriptor.statistics.add(known);
  // Reconstructed exactly: error 0, z = -2.5 / 1.2909944
  const double z = descriptor.zscores(at::zeros({1, 2}))[0].item<double>();
  CHECK(z == Approx(options.zscore == "signed" ? -1.9364917 : 1.9364917));
}

TEST_CASE("expanding takes from the old adapters what the new column's softmax gets", "[sema]") {
  Bench bench(World::small(), 1);
  const Tensor before = bench.delta();
  bench.block.freeze();
  bench.block.add_adapter();
  const Tensor logits = bench.block.router().logits(bench.stream.mean(1));
  const Tensor share_of_new = logits.softmax(1).select(1, 1).view({-1, 1, 1});
  const Tensor after = bench.delta();
  // The new adapter itself adds exactly nothing yet.
  CHECK(largest(after - (1 - share_of_new) * before) < kTolerance * largest(before));
  SECTION("a half where the logits are equal") {
    const Linear& merged = bench.block.router().merged;
    bench.block.router().fresh = Linear{merged.weight.clone(), merged.bias.clone()};
    CHECK(largest(bench.delta() - 0.5 * before) < kTolerance * largest(before));
  }
}

TEST_CASE("freezing joins the new column below the old ones, unchanged", "[sema]") {
  Options options = World::small();
  options.router_bias = GENERATE(true, false);
  Bench bench(options, 3);
  Router& router = bench.block.router();
  REQUIRE(router.width() == 3);
  REQUIRE(router.fresh.has_value());
  const Tensor weight = at::cat({router.merged.weight, router.fresh->weight}).detach().clone();
  const Tensor before = bench.delta();
  bench.block.freeze();
  CHECK_FALSE(router.fresh.has_value());
  CHECK(router.width() == 3);
  CHECK(router.merged.weight.equal(weight));
  CHECK(router.merged.bias.defined() == options.router_bias);
  // One product instead of two: some libraries (MKL) round it otherwise.
  CHECK(largest(bench.delta() - before) < kTolerance * largest(before));
  CHECK(trainable_parameters(bench.block).empty());
  CHECK_FALSE(bench.block.has_new());
  for (const Module& module : bench.block.modules()) CHECK(module.descriptor->statistics.frozen());
}

TEST_CASE("only what an expansion adds is trainable", "[sema]") {
  Bench bench(World::small(), 2);
  const int64_t adapter = count(parameters(*bench.block.modules()[1].functional));
  const int64_t descriptor = count(parameters(*bench.block.modules()[1].descriptor));
  // and one router column: 16 weights, one bias
  CHECK(count(trainable_parameters(bench.block)) == adapter + descriptor + 17);
}

TEST_CASE("mixtures weigh the adapters as they are called", "[sema]") {
  SECTION("average") {
    Bench bench(with_mixture("average"), 2);
    const Tensor expected = 0.5 * bench.delta_of(0) + 0.5 * bench.delta_of(1);
    CHECK(largest(bench.delta() - expected) < kTolerance * largest(expected));
  }
  SECTION("top1 takes the larger logit's adapter alone") {
    const bool training = GENERATE(true, false);
    Bench bench(with_mixture("top1"), 2);
    const Tensor chosen = bench.block.router().logits(bench.stream.mean(1)).argmax(1);
    const Tensor delta = bench.delta(training);
    for (int64_t i = 0; i < 6; ++i) {
      CHECK(delta[i].equal(bench.delta_of(static_cast<size_t>(chosen[i].item<int64_t>()))[i]));
    }
  }
  SECTION("the router of top1 learns as that of soft shares") {
    Bench bench(with_mixture("top1"), 2);
    const GradMode recording(true);
    bench.delta(true).square().sum().backward();
    const Tensor gradient = bench.block.router().fresh->weight.grad();
    REQUIRE(gradient.defined());
    CHECK(largest(gradient) > 0);
  }
  SECTION("top1_inference is soft in training, hard otherwise") {
    Bench hard(with_mixture("top1"), 2), soft(with_mixture("soft"), 2),
        bench(with_mixture("top1_inference"), 2);
    CHECK(bench.delta(true).equal(soft.delta(true)));
    CHECK(bench.delta(false).equal(hard.delta(false)));
    CHECK_FALSE(bench.delta(false).equal(soft.delta(false)));
  }
  SECTION("descriptor takes the better reconstruction, and an adapter in training itself") {
    Bench bench(with_mixture("descriptor"), 2);
    CHECK(bench.delta().equal(bench.delta_of(1)));
    bench.block.freeze();
    const Tensor pooled = bench.stream.mean(1);
    const auto& modules = bench.block.modules();
    const Tensor is_second =
        modules[1].descriptor->errors(pooled) < modules[0].descriptor->errors(pooled);
    const Tensor delta = bench.delta();
    for (int64_t i = 0; i < 6; ++i) {
      CHECK(delta[i].equal(bench.delta_of(is_second[i].item<bool>() ? 1 : 0)[i]));
    }
  }
}

TEST_CASE("random shares belong to a sample, not to its batch, and sum to one", "[sema]") {
  const std::vector<int64_t> all{0, 1, 2, 3}, some{2, 3};
  const ForwardPass pass{.rows = all, .key = RngKey(1)}, part{.rows = some, .key = RngKey(1)};
  CHECK(random_scores(pass, 1, 3).narrow(0, 2, 2).equal(random_scores(part, 1, 3)));
  CHECK_FALSE(random_scores(pass, 1, 3).equal(random_scores(pass, 2, 3)));

  Bench bench(with_mixture(GENERATE(as<std::string>(), "random", "random_selection")), 3);
  const std::vector<int64_t> rows = first_rows(6);
  Tensor weights;
  const ForwardPass watched{
      .rows = rows, .key = RngKey(1), .at_weights = [&](int64_t, const Tensor& w) { weights = w; }};
  (void)bench.block.delta({Site::kMlp, 1, bench.stream, bench.normed}, bench.out, watched);
  REQUIRE(weights.sizes() == at::IntArrayRef({6, 3}));
  CHECK(largest(weights.sum(1) - 1) < kTolerance);
  CHECK(weights.min().item<double>() >= 0);
  // Of six samples, some are shared among adapters, or none is.
  const bool is_selection = bench.options.mixture == "random_selection";
  const Tensor whole = weights.eq(1).sum(1);
  CHECK(whole.sum().item<int64_t>() == (is_selection ? 6 : 0));
}

}  // namespace
}  // namespace cl::sema
