// Learners whose frozen backbone computes in bfloat16.
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <fmt/format.h>

#include "core/data/tensor_dataset.h"
#include "core/learner/learner.h"
#include "core/metrics/run_record.h"
#include "core/nn/init.h"
#include "core/weights/state.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_backbone.h"

namespace cl {
namespace {

constexpr int64_t kPerClass = 8;

/// Images of two classes, around a pattern of each.
DatasetPtr images(int64_t first_class, uint64_t seed) {
  std::vector<Tensor> x;
  std::vector<int64_t> labels;
  for (int64_t label = first_class; label < first_class + 2; ++label) {
    const auto id = static_cast<uint64_t>(label);
    x.push_back(init::normal({1, 3, 8, 8}, 0.5, 0.5, RngKey(1).child(id), at::kCPU) +
                init::normal({kPerClass, 3, 8, 8}, 0, 0.1, RngKey(seed).child(id), at::kCPU));
    labels.insert(labels.end(), kPerClass, label);
  }
  return std::make_shared<TensorDataset>(at::cat(x), at::tensor(labels, at::kLong));
}

struct World {
  World(const std::string& choice, bool bfloat16) {
    StreamInfo stream;
    stream.num_experiences = 2;
    stream.num_classes = 4;
    stream.sample_shape = {3, 8, 8};
    learner = Learners::get().make(
        config::Node::parse(choice, "test"),
        {testing::make_tiny(), stream, RngKey(2), at::kCPU, {.bfloat16 = bfloat16}});
  }
  void learn(int64_t k) {
    RunContext context{RngKey(3).child(static_cast<uint64_t>(k)), k, 2, log, progress, {}};
    learner->learn({k, {}, {2 * k, 2 * k + 1}, images(2 * k, 5)}, context);
  }
  Tensor logits() {
    std::vector<int64_t> rows(2 * kPerClass);
    std::iota(rows.begin(), rows.end(), int64_t{0});
    return learner->predict(*images(0, 6), rows);
  }

  RunRecord record{2};
  RunRecorder log{record};
  Progress progress;
  std::unique_ptr<Learner> learner;
};

std::string brief(const std::string& name) {
  return fmt::format("{}: {{train: {{epochs: 1, batch_size: 8}}}}", name);
}

}  // namespace

TEST_CASE("with a backbone in bfloat16 a learner repeats itself and goes on from what it saved",
          "[bfloat16]") {
  const std::string choice = GENERATE(
      std::string("simplecil"), std::string("slda"), brief("linear_probe"), brief("l2p"),
      brief("rmm"), brief("inflora"), brief("fixed_adapters"), brief("finetune_adapter"),
      std::string("lae: {rest_epochs: 0, last_layer: 3, train: {epochs: 1, "
                  "batch_size: 8}}"),
      std::string("sema: {descriptor_dim: 4, adapter: {parallel: {bottleneck: 4}}, functional: "
                  "{epochs: 1}, descriptor: {epochs: 1}}"));
  INFO(choice);
  World once(choice, true), again(choice, true), full(choice, false);
  for (World* world : {&once, &again, &full}) world->learn(0);
  const State saved = once.learner->save();
  for (const auto& [name, tensor] : saved) {
    const bool is_product = name.starts_with("backbone.") &&
                            name.find("norm") == std::string::npos &&
                            (name.ends_with(".weight") || name.ends_with(".bias"));
    INFO(name);
    CHECK((tensor.scalar_type() == at::kBFloat16) == is_product);
  }
  CHECK(digest(saved) == digest(again.learner->save()));
  CHECK_FALSE(at::equal(once.logits(), full.logits()));

  World resumed(choice, true);
  resumed.learner->restore(saved, "test");
  CHECK(at::equal(resumed.logits(), once.logits()));
  once.learn(1);
  resumed.learn(1);
  CHECK(digest(once.learner->save()) == digest(resumed.learner->save()));
  CHECK(at::equal(resumed.logits(), once.logits()));
}

TEST_CASE("a backbone that is trained stays in float32 whatever the precision", "[bfloat16]") {
  World world("finetune: {tuner: full, train: {epochs: 1, batch_size: 8}}", true);
  world.learn(0);
  for (const auto& [name, tensor] : world.learner->save()) {
    INFO(name);
    CHECK(tensor.scalar_type() != at::kBFloat16);
  }
}

}  // namespace cl
