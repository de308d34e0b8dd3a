// DualPrompt: a frozen transformer steered by prompts for all experiences and by prompts for one.
//
// Prompts are prefixes: keys and values that a block's attention finds before its own. G-prompts
// (general) stand in the first blocks and are trained by every experience. E-prompts (expert) stand
// in the blocks behind; the pool holds one for each experience, with a key. While experience t is
// learned, E-prompt t is used and its key is drawn towards the queries, the features of the samples
// under the plain network; at test each sample uses the E-prompt whose key has the largest cosine
// with its query:
//   L = CE(head(feature), y) - lambda cos(query, key_t)
//
// Wang et al. 2022, "DualPrompt: Complementary Prompting for Rehearsal-free Continual Learning",
// sec. 4; details of the training as in LAMDA-PILOT.
//
// Differs:
// - At test each sample chooses for itself. In the reference code the samples of a batch vote,
//   which leaks the task wherever test batches are sorted by class (batchwise_prompt_test).
// - E-prompts have 20 tokens, as in the paper and in the tables that others compare with; PILOT's
//   settings say 5 (e_length).
// - Keys and values are what the pool holds as such. The reference code mixes up the axes of
//   batch and of keys and values (reshape_slip).
#include <ATen/ops/cat.h>

#include "core/config/idle_option.h"
#include "core/learner/prefixed_classifier.h"
#include "core/nn/init.h"
#include "core/nn/prompts/prompt_pool.h"
#include "core/train/fit.h"
#include "core/train/losses.h"

namespace cl {
namespace {

class DualPrompt final : public Learner {
 public:
  struct Options {
    std::vector<int64_t> g_blocks{0, 1};
    int64_t g_length = 5;
    std::vector<int64_t> e_blocks{2, 3, 4};
    int64_t e_length = 20;
    int64_t pool_size = 10;
    double similarity_weight = 0.1;
    bool batchwise_prompt = true;
    bool batchwise_prompt_test = false;
    bool reshape_slip = false;
    config::Node head = config::Node::of("linear");
    train::Options train{.epochs = 5,
                         .batch_size = 24,
                         .optimiser = "adam",
                         .lr = 0.001,
                         .weight_decay = 0,
                         .schedule = "constant"};
    void fields(config::Fields& fields);
    void check(const config::Node& node) const;
    [[nodiscard]] std::vector<int64_t> blocks() const;
  };

  DualPrompt(const Options& options, LearnerParts parts);

  ParameterCount parameter_count() override {
    const int64_t added =
        g_prompts_.numel() + count(parameters(e_prompts_)) + count(parameters(classifier_.head()));
    return {.trainable = added, .added = added, .total = count(parameters(*this))};
  }
  void tensors(TensorVisitor& visitor) override {
    classifier_.tensors(visitor);
    visitor.parameter("g_prompts", g_prompts_);
    visitor.child("e_prompts", e_prompts_);
  }

 private:
  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override;
  void do_shape_for(const State& /*state*/) override { classifier_.forget(); }
  /// The E-prompts of samples that are trained on in experience `index`.
  [[nodiscard]] ChosenPrompts training_prompts(const Tensor& query, int64_t index) const;
  /// @param chosen  tokens [N, num E-blocks * 2 * e_length, dim]
  [[nodiscard]] PrefixedClassifier::Prompts prompts(const ChosenPrompts& chosen) const;

  Options options_;
  Tensor g_prompts_;      // [num G-blocks, 2, g_length, dim], keys and then values
  PromptPool e_prompts_;  // tokens of an entry: block by block, keys and then values
  PrefixedClassifier classifier_;
};

void DualPrompt::Options::fields(config::Fields& fields) {
  fields.field("g_blocks", g_blocks, "blocks with G-prompts, 0-based", {0, 1000});
  fields.field("g_length", g_length, "keys, and values, of a G-prompt", {1, 10000});
  fields.field("e_blocks", e_blocks, "blocks with E-prompts, 0-based", {0, 1000});
  fields.field("e_length", e_length, "keys, and values, of an E-prompt in a block", {1, 10000});
  fields.field("pool_size", pool_size,
               "E-prompts; experiences beyond them choose by similarity, in training too",
               {1, 100000});
  fields.field(
      "similarity_weight", similarity_weight,
      "lambda: pull of the chosen key towards the query; adam knows only whether there is one",
      {0, 1000});
  fields.field("batchwise_prompt", batchwise_prompt,
               "where training chooses, the prompt chosen most often in a batch serves all of it");
  fields.field("batchwise_prompt_test", batchwise_prompt_test,
               "the same at test: the batch then changes the result");
  fields.field("reshape_slip", reshape_slip,
               "hand out E-prompts as the reference code does: the first half of a batch finds "
               "keys in both places, the second half values; the batch then changes the result");
  fields.plugin("head", head, "head", "classifier on the features");
  fields.group("train", train, "of prompts, keys and classifier");
}

std::vector<int64_t> DualPrompt::Options::blocks() const {
  std::vector<int64_t> all = g_blocks;
  all.insert(all.end(), e_blocks.begin(), e_blocks.end());
  return all;
}

void DualPrompt::Options::check(const config::Node& node) const {
  check_prompted_blocks(e_blocks, "e_blocks", node);
  check_prompted_blocks(blocks(), "g_blocks and e_blocks", node);
  if (g_blocks.empty()) {
    config::refuse_idle(node, "g_length", g_length, Options().g_length,
                        "no block has G-prompts with 'g_blocks: []'");
  }
}

DualPrompt::DualPrompt(const Options& options, LearnerParts parts)
    : Learner(parts.stream),
      options_(options),
      g_prompts_(init::uniform({static_cast<int64_t>(options.g_blocks.size()), 2, options.g_length,
                                parts.backbone->info().dim},
                               -1, 1, parts.key.child("g_prompts"), parts.device)
                     .set_requires_grad(true)),
      e_prompts_(
          {.prompts = options.pool_size,
           .prompt_tokens = static_cast<int64_t>(options.e_blocks.size()) * 2 * options.e_length,
           .dim = parts.backbone->info().dim,
           .chosen = 1},
          parts.key.child("e_prompts"), parts.device),
      classifier_(options.head, options.blocks(), std::move(parts)) {}

void DualPrompt::do_learn(const TrainView& view, RunContext& context) {
  if (view.index > 0 && view.index < options_.pool_size) {
    e_prompts_.copy_prompt(view.index - 1, view.index);
  }
  const Tensor labels = view.data->labels().to(classifier_.device());
  const auto loss = [&](std::span<const int64_t> rows, const View& augmented) {
    const Tensor query = classifier_.query(*view.data, rows, augmented);
    const ChosenPrompts chosen = training_prompts(query, view.index);
    const Tensor logits = classifier_.logits(*view.data, rows, augmented, prompts(chosen));
    return train::cross_entropy_over(view.classes, logits, labels, rows)
        .sub(chosen.similarity.mean().mul(options_.similarity_weight));
  };
  train::fit({{{g_prompts_}},
              {trainable_parameters(e_prompts_)},
              {trainable_parameters(classifier_.head())}},
             *view.data, options_.train, loss, "train", context.key.child("train"), context);
}

ChosenPrompts DualPrompt::training_prompts(const Tensor& query, int64_t index) const {
  if (index < options_.pool_size) return e_prompts_.take(query, index);
  return e_prompts_.choose(query,
                           options_.batchwise_prompt ? PromptVote::kBatch : PromptVote::kSample);
}

Tensor DualPrompt::do_predict(const Samples& samples, std::span<const int64_t> rows) {
  const auto vote = options_.batchwise_prompt_test ? PromptVote::kBatch : PromptVote::kSample;
  const Tensor query = classifier_.query(samples, rows, View::test());
  return classifier_.logits(samples, rows, View::test(), prompts(e_prompts_.choose(query, vote)));
}

PrefixedClassifier::Prompts DualPrompt::prompts(const ChosenPrompts& chosen) const {
  const int64_t n = chosen.tokens.size(0), dim = chosen.tokens.size(2);
  const auto num_e = static_cast<int64_t>(options_.e_blocks.size());
  Tensor e = chosen.tokens.view({n, num_e, 2, options_.e_length, dim}).transpose(0, 1);
  if (options_.reshape_slip) {
    e = e.transpose(1, 2).reshape({num_e, n, 2, options_.e_length, dim});
  }
  PrefixedClassifier::Prompts result;
  for (size_t i = 0; i < options_.g_blocks.size(); ++i) {
    result[options_.g_blocks[i]] = g_prompts_.narrow(0, static_cast<int64_t>(i), 1);
  }
  for (size_t i = 0; i < options_.e_blocks.size(); ++i) {
    result[options_.e_blocks[i]] = e.select(0, static_cast<int64_t>(i));
  }
  return result;
}

const RegisterLearner<DualPrompt> kRegistered{
    "dual_prompt",
    "prefixes for all experiences, and some that each sample picks from a pool",
    "Wang et al. 2022, \"DualPrompt: Complementary Prompting for Rehearsal-free Continual "
    "Learning\", sec. 4",
    {.batch_options = {"batchwise_prompt_test", "reshape_slip"},
     .loss_classes = always(LossClasses::kExperience)}};

}  // namespace
}  // namespace cl
