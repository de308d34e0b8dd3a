// Learning to prompt: a frozen transformer steered by prompts that each sample picks from a pool.
//
// A pool holds prompts (a few learned tokens) and a key for each. The feature of a sample under the
// plain network is its query; the prompts whose keys have the largest cosine with it are put
// between the class token and the patches. The mean of their outputs is the feature that a linear
// classifier reads. Keys are drawn towards the queries that choose them:
//   L = CE(head(mean of prompt outputs), y) - lambda sum_chosen cos(query, key)
//
// Wang et al. 2022, "Learning to Prompt for Continual Learning", sec. 4; details of the training as
// in the reference code.
//
// Differs: at test each sample chooses for itself. In the reference code the samples of a batch
// vote, which leaks the task wherever test batches are sorted by class (batchwise_prompt_test).
#include <ATen/ops/cat.h>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/features/freeze.h"
#include "core/features/frozen_tokens.h"
#include "core/learner/learner.h"
#include "core/nn/heads/head.h"
#include "core/nn/prompts/prompt_pool.h"
#include "core/train/fit.h"
#include "core/train/losses.h"

namespace cl {
namespace {

class L2p final : public Learner {
 public:
  struct Options {
    int64_t pool_size = 10;
    int64_t prompt_length = 5;
    int64_t top_k = 5;
    double similarity_weight = 0.1;
    bool batchwise_prompt = true;
    bool batchwise_prompt_test = false;
    config::Node head = config::Node::of("linear");
    train::Options train{.epochs = 5,
                         .batch_size = 16,
                         .optimiser = "adam",
                         .lr = 0.001875,
                         .weight_decay = 0,
                         .schedule = "constant"};
    void fields(config::Fields& fields);
    void check(const config::Node& node) const;
  };

  L2p(const Options& options, LearnerParts parts);

  ParameterCount parameter_count() override {
    const int64_t added = count(parameters(pool_)) + count(parameters(*head_));
    return {.trainable = added, .added = added, .total = count(parameters(*this))};
  }
  void tensors(TensorVisitor& visitor) override {
    visitor.child("backbone", *backbone_);
    visitor.child("pool", pool_);
    visitor.child("head", *head_);
  }

 private:
  struct Output {
    Tensor logits;      // [N, C]
    Tensor similarity;  // [N] of the query to the chosen keys, summed
  };

  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override {
    const auto vote = options_.batchwise_prompt_test ? PromptVote::kBatch : PromptVote::kSample;
    return run(samples, rows, View::test(), vote).logits;
  }
  void do_shape_for(const State& /*state*/) override { cache_.forget(); }
  Output run(const Samples& samples, std::span<const int64_t> rows, const View& view,
             PromptVote vote);

  Options options_;
  c10::Device device_;
  std::unique_ptr<Backbone> backbone_;
  PromptPool pool_;
  std::unique_ptr<Head> head_;
  FrozenTokens cache_;
};

void L2p::Options::fields(config::Fields& fields) {
  fields.field("pool_size", pool_size, "prompts in the pool", {1, 100000});
  fields.field("prompt_length", prompt_length, "tokens of a prompt", {1, 10000});
  fields.field("top_k", top_k, "prompts that a sample chooses", {1, 100000});
  fields.field(
      "similarity_weight", similarity_weight,
      "lambda: pull of the chosen keys towards the query; adam knows only whether there is "
      "one",
      {0, 1000});
  fields.field("batchwise_prompt", batchwise_prompt,
               "in training, the prompts chosen most often in a batch serve all of it");
  fields.field("batchwise_prompt_test", batchwise_prompt_test,
               "the same at test: the batch then changes the result");
  fields.plugin("head", head, "head", "classifier on the mean of the prompts' outputs");
  fields.group("train", train, "of prompts, keys and classifier");
}

void L2p::Options::check(const config::Node& node) const {
  if (top_k > pool_size) node.fail("top_k is larger than pool_size; choose at most all prompts");
}

L2p::L2p(const Options& options, LearnerParts parts)
    : Learner(parts.stream),
      options_(options),
      device_(parts.device),
      backbone_(std::move(parts.backbone)),
      pool_({.prompts = options.pool_size,
             .prompt_tokens = options.prompt_length,
             .dim = backbone_->info().dim,
             .chosen = options.top_k},
            parts.key.child("pool"), parts.device),
      head_(Heads::get().make(options.head, {backbone_->info().dim, parts.stream.num_classes,
                                             parts.key.child("head"), parts.device})),
      cache_(*backbone_, parts.device, parts.frozen) {
  if (backbone_->info().depth == 0) {
    throw Error(fmt::format("learner 'l2p': the backbone '{}' has no blocks for prompts to act in",
                            backbone_->info().name));
  }
  freeze(*backbone_, parts.frozen);
  set_trainable(pool_, true);
  set_trainable(*head_, true);
}

L2p::Output L2p::run(const Samples& samples, std::span<const int64_t> rows, const View& view,
                     PromptVote vote) {
  Hooks none;
  const BackboneInfo& info = backbone_->info();
  const Tensor query = cache_.features(samples, rows, view, none);
  const ChosenPrompts chosen = pool_.choose(query, vote);
  const Tensor tokens = backbone_->embed(samples.fetch(rows, view).to(device_));
  const int64_t num_special = info.num_special_tokens;
  const Tensor prompted =
      at::cat({tokens.narrow(1, 0, num_special), chosen.tokens.add(backbone_->special_position()),
               tokens.narrow(1, num_special, tokens.size(1) - num_special)},
              1);
  const Tensor out = backbone_->norm(backbone_->blocks(prompted, 0, info.depth, none));
  const Tensor features = out.narrow(1, num_special, chosen.tokens.size(1)).mean(1);
  return {head_->logits(features), chosen.similarity};
}

void L2p::do_learn(const TrainView& view, RunContext& context) {
  const Tensor labels = view.data->labels().to(device_);
  const auto vote = options_.batchwise_prompt ? PromptVote::kBatch : PromptVote::kSample;
  const auto loss = [&](std::span<const int64_t> rows, const View& augmented) {
    const Output output = run(*view.data, rows, augmented, vote);
    return train::cross_entropy_over(view.classes, output.logits, labels, rows)
        .sub(output.similarity.mean().mul(options_.similarity_weight));
  };
  train::fit({{trainable_parameters(pool_)}, {trainable_parameters(*head_)}}, *view.data,
             options_.train, loss, "train", context.key.child("train"), context);
}

const RegisterLearner<L2p> kRegistered{
    "l2p",
    "prompts chosen from a pool steer a frozen transformer",
    "Wang et al. 2022, \"Learning to Prompt for Continual Learning\", sec. 4",
    {.batch_options = {"batchwise_prompt_test"}, .loss_classes = always(LossClasses::kExperience)}};

}  // namespace
}  // namespace cl
