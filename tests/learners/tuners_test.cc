// What tuners train, and what they leave alone.
#include <string>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>

#include "core/data/tensor_dataset.h"
#include "core/learner/tuned_classifier.h"
#include "core/metrics/run_record.h"
#include "core/nn/init.h"
#include "core/nn/threads.h"
#include "core/nn/tuners/tuner.h"
#include "core/weights/state.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_backbone.h"

namespace cl {
namespace {

const c10::Device kCpu(at::kCPU);

std::unique_ptr<Tuner> make(const std::string& yaml, Backbone& backbone) {
  return Tuners::get().make(config::Node::parse(yaml, "test.yaml"), {backbone, RngKey(1), kCpu});
}

Tensor images(int64_t n) {
  return init::normal({n, 3, 8, 8}, 0.5, 0.2, RngKey(2), kCpu);
}

LearnerParts parts() {
  StreamInfo stream;
  stream.num_classes = 4;
  return {testing::make_tiny(3), stream, RngKey(5), kCpu};
}

/// Two classes told apart by brightness.
TrainView view() {
  const Tensor x = images(32);
  Tensor labels = at::zeros({32}, at::kLong);
  for (int64_t i = 0; i < 32; i += 2) {
    labels[i] = 1;
    x[i].add_(0.5);
  }
  return {.index = 0,
          .task = {},
          .classes = {0, 1},
          .data = std::make_shared<TensorDataset>(x, labels)};
}

void teach(TunedClassifier& network) {
  RunRecord record(1);
  RunRecorder log(record);
  Progress progress;
  RunContext context{RngKey(3), 0, 1, log, progress, {}};
  network.learn(view(), {.epochs = 2}, context);
}

}  // namespace

TEST_CASE("scaling and shifting a ViT-B/16 takes 205,824 numbers", "[nn]") {
  const auto choice =
      config::Node::parse("vit: {preset: vit_base_patch16_224, weights: random}", "test.yaml");
  const auto backbone = Backbones::get().make(choice, {RngKey(1), kCpu});
  const auto ssf = make("ssf", *backbone);
  CHECK(count(parameters(*ssf)) == 205'824);
  CHECK(count(trainable_parameters(*ssf)) == 205'824);
}

TEST_CASE("scale one and shift zero change nothing, others every operation", "[nn]") {
  const GradMode off(false);
  const auto backbone = testing::make_tiny(2);
  const auto ssf = make("ssf", *backbone);
  Hooks none;
  const Tensor x = images(3), plain = backbone->forward(x, none);
  TensorVisitor neutral([](const std::string& name, Tensor& tensor, TensorVisitor::Role) {
    name.ends_with("scale") ? tensor.fill_(1) : tensor.zero_();
  });
  ssf->tensors(neutral);
  CHECK(at::equal(backbone->forward(x, ssf->hooks()), plain));
  for (auto& [name, tensor] : tensors_of(*ssf)) {
    INFO(name);
    Tensor changed = tensor;
    const Tensor before = changed.clone();
    changed.add_(init::normal(changed.sizes(), 0, 0.3, RngKey(4), kCpu));
    CHECK_FALSE(at::equal(backbone->forward(x, ssf->hooks()), plain));
    changed.copy_(before);
  }
}

TEST_CASE("prompts join the tokens after the patches, and leave before the features", "[nn]") {
  const GradMode off(false);
  const auto backbone = testing::make_tiny(3);
  const bool deep = GENERATE(false, true);
  const auto vpt =
      make(deep ? "vpt: {prompt_tokens: 2}" : "vpt: {prompt_tokens: 2, deep: false}", *backbone);
  Tensor prompts = tensors_of(*vpt).front().second;
  CHECK(prompts.sizes() == at::IntArrayRef({deep ? 3 : 1, 2, testing::kTinyDim}));
  CHECK(prompts.abs().max().item<double>() == 0);
  // By hand: the class token attends to two more tokens.
  prompts.copy_(init::normal(prompts.sizes(), 0, 1, RngKey(4), kCpu));
  const Tensor x = images(2);
  Hooks none;
  Tensor tokens = backbone->embed(x);
  for (int64_t layer = 0; layer < 3; ++layer) {
    if (deep || layer == 0) {
      tokens = at::cat({tokens, prompts[deep ? layer : 0].expand({2, 2, testing::kTinyDim})}, 1);
    }
    tokens = backbone->blocks(tokens, layer, layer + 1, none);
    if (deep) tokens = tokens.narrow(1, 0, testing::kTinyTokens);
  }
  CHECK(at::equal(backbone->forward(x, vpt->hooks()), backbone->pool(backbone->norm(tokens))));
  CHECK(backbone->blocks(backbone->embed(x), 0, 3, vpt->hooks()).size(1) == testing::kTinyTokens);
}

TEST_CASE("training changes what the tuner names and nothing else of the network", "[learner]") {
  const std::string tuner = GENERATE("none", "full", "ssf", "vpt", "adapter: {first_layer: 1}");
  INFO(tuner);
  TunedClassifier network({.tuner = config::Node::parse(tuner, "test.yaml")}, parts());
  const State before = snapshot(network);
  teach(network);
  for (const auto& [name, tensor] : snapshot(network)) {
    INFO(name);
    const bool is_backbone = name.starts_with("backbone.");
    const bool may_change = !is_backbone || tuner == "full";
    if (name != "num_trained") CHECK(at::equal(tensor, *find(before, name)) != may_change);
  }
  network.set_frozen(true);
  const State frozen = snapshot(network);
  teach(network);
  for (const auto& [name, tensor] : snapshot(network)) {
    INFO(name);
    const bool is_head = name.starts_with("head.");
    if (name != "num_trained") CHECK(at::equal(tensor, *find(frozen, name)) != is_head);
  }
}

TEST_CASE("a frozen copy computes the same, and stays as it was", "[learner]") {
  const std::string tuner = GENERATE("full", "ssf", "adapter");
  INFO(tuner);
  TunedClassifier network({.tuner = config::Node::parse(tuner, "test.yaml")}, parts());
  teach(network);
  const GradMode off(false);
  const TrainView data = view();
  const std::vector<int64_t> rows{0, 3, 7};
  const auto copy = network.frozen_copy();
  const Tensor then = network.logits(*data.data, rows, View::test()).clone();
  CHECK((copy->logits(*data.data, rows, View::test()) - then).abs().max().item<double>() < 1e-6);
  teach(network);
  CHECK_FALSE(at::allclose(network.logits(*data.data, rows, View::test()), then));
  CHECK((copy->logits(*data.data, rows, View::test()) - then).abs().max().item<double>() < 1e-6);
  CHECK(trainable_parameters(*copy).empty());
}

}  // namespace cl
