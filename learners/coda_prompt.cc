// CODA-Prompt: a frozen transformer steered by prompts that are mixed anew for each sample.
//
// In some blocks there are components, each a prompt P_m, a key K_m and an attention A_m. With q
// the feature of a sample under the plain network,
//   alpha_m = cos(q * A_m, K_m),   p = sum_m alpha_m P_m
// and p goes before the block's own keys (its first half) and values (its second half). No softmax,
// no choice: all is differentiable. Every experience brings an equal share of the components; the
// ones before it stay as they are, but take part. New ones are drawn orthogonal to all others, and
// can be held so:
//   L = CE(head(feature), y) + mu sum_blocks (O(P) + O(K) + O(A)),   O(B) = mean((B B^T - I)^2)
//
// Smith et al. 2023, "CODA-Prompt: COntinual Decomposed Attention-based Prompting for
// Rehearsal-Free Continual Learning", sec. 4; details of the training as in the authors' code and
// LAMDA-PILOT.
//
// Differs:
// - O is the mean of squares, not their sum as in the paper, and mu is 0, both as in the code.
// - New components are orthogonal to all that the earlier ones span. The code subtracts the
//   projections on each earlier one, which is the same only while these are orthogonal themselves;
//   training does not keep them so (exact_gram_schmidt).
// - A component for which no direction is left keeps the one it was drawn with; the code would try
//   for ever. Only networks with tokens narrower than the number of components come to that.
// - The learning rate falls from the first epoch on; the code, whose scheduler starts one epoch
//   late, has the first rate twice and never the last (train: {schedule: late_quarter_cosine}).
// - Where an experience has too few samples for a single full batch, it is learned from all the
//   same; the code, which drops the last batch, would learn nothing.
#include <tuple>

#include <ATen/ops/cat.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/learner/prefixed_classifier.h"
#include "core/nn/flops.h"
#include "core/nn/init.h"
#include "core/nn/layers.h"
#include "core/train/fit.h"
#include "core/train/losses.h"

namespace cl {
namespace {

// A remainder that is shorter than this share of what was drawn is rounding.
constexpr double kSmallestRemainder = 1e-8;
// Below this the length of a vector counts as zero, as in `unit_length`.
constexpr double kSmallestLength = 1e-12;

/// M components in each of L prompted blocks.
struct Components {
  Tensor prompts;    // P [L, M, length, dim]
  Tensor keys;       // K [L, M, dim]
  Tensor attention;  // A [L, M, dim]

  void tensors(TensorVisitor& visitor) {
    visitor.parameter("prompts", prompts);
    visitor.parameter("keys", keys);
    visitor.parameter("attention", attention);
  }
};

/// `drawn` [n, D] without what it has in common with `earlier` [M, D] and with each other, as unit
/// vectors.
Tensor gram_schmidt(const Tensor& drawn, const Tensor& earlier, bool exact) {
  Tensor taken = exact ? std::get<0>(at::linalg_qr(earlier.t())).t() : unit_length(earlier);
  std::vector<Tensor> result;
  for (const Tensor& vector : drawn.unbind(0)) {
    const Tensor remainder = vector.sub(taken.t().mv(taken.mv(vector)));
    const bool is_free =
        remainder.norm().item<double>() > kSmallestRemainder * vector.norm().item<double>();
    result.push_back(unit_length(is_free ? remainder : vector));
    if (is_free) taken = at::cat({taken, result.back().unsqueeze(0)});
  }
  return at::stack(result);
}

/// `num` new rows in each block beside those of `earlier` [L, M, ...]: [L, num, ...].
Tensor orthogonal_rows(int64_t num, const Tensor& earlier, bool exact, const RngKey& key) {
  std::vector<int64_t> shape = earlier.sizes().vec();
  shape[1] = num;
  const Tensor drawn = init::normal(shape, 0, 1, key, earlier.device()).flatten(2).to(at::kDouble);
  const Tensor present = earlier.detach().flatten(2).to(at::kDouble);
  std::vector<Tensor> by_block;
  for (int64_t block = 0; block < shape[0]; ++block) {
    by_block.push_back(gram_schmidt(drawn[block], present[block], exact));
  }
  return at::stack(by_block).view(shape).to(at::kFloat);
}

/// alpha [N, M] of one block: cos(q * A_m, K_m), without making all N M products q * A_m.
/// @param query  [N, dim]   @param attention, keys  [M, dim]
Tensor mixing_weights(const Tensor& query, const Tensor& attention, const Tensor& keys) {
  const Tensor dot = product(query, attention.mul(unit_length(keys)).t());
  const Tensor squared_length = product(query.square(), attention.square().t());
  return dot.div(squared_length.clamp_min(kSmallestLength * kSmallestLength).sqrt());
}

/// O(B) of vectors [L, M, D], summed over the blocks.
Tensor orthogonality_penalty(const Tensor& vectors) {
  const Tensor gram = product(vectors, vectors.transpose(1, 2));
  return gram.sub(at::eye(vectors.size(1), vectors.options())).square().mean({1, 2}).sum();
}

class CodaPrompt final : public Learner {
 public:
  struct Options {
    std::vector<int64_t> blocks{0, 1, 2, 3, 4};
    int64_t components = 100;
    int64_t prompt_length = 8;
    double orthogonality_weight = 0;
    bool exact_gram_schmidt = true;
    config::Node head = config::Node::of("linear");
    train::Options train{.epochs = 20,
                         .batch_size = 128,
                         .drop_last = true,
                         .optimiser = "adam",
                         .lr = 0.001,
                         .weight_decay = 0,
                         .schedule = "quarter_cosine"};
    void fields(config::Fields& fields);
    void check(const config::Node& node) const;
  };

  CodaPrompt(const Options& options, LearnerParts parts);

  ParameterCount parameter_count() override {
    int64_t trainable = count(parameters(classifier_.head())), added = trainable;
    for (Components& own : components_) {
      trainable += count(trainable_parameters(own));
      added += count(parameters(own));
    }
    return {.trainable = trainable, .added = added, .total = count(parameters(*this))};
  }
  void tensors(TensorVisitor& visitor) override {
    classifier_.tensors(visitor);
    visitor.children("components", components_);
  }

 private:
  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override;
  void do_shape_for(const State& state) override;
  [[nodiscard]] Components blank(int64_t num) const;  // zeros
  /// Those of one more experience, the only ones that are trained from now on.
  void add(Components components);
  [[nodiscard]] Components all() const;  // of all experiences so far
  [[nodiscard]] PrefixedClassifier::Prompts prompts(const Components& components,
                                                    const Tensor& query) const;

  Options options_;
  int64_t per_experience_;
  PrefixedClassifier classifier_;
  std::vector<Components> components_;  // by experience
};

void CodaPrompt::Options::fields(config::Fields& fields) {
  fields.field("blocks", blocks, "blocks with prompts, 0-based", {0, 1000});
  fields.field("components", components,
               "in each of them, over the whole stream; each experience gets an equal number",
               {1, 100000});
  fields.field("prompt_length", prompt_length, "tokens of a prompt: half keys, half values",
               {2, 10000});
  fields.field("orthogonality_weight", orthogonality_weight,
               "mu: of the penalty on components that are not orthonormal", {0, 1e6});
  fields.field("exact_gram_schmidt", exact_gram_schmidt,
               "new components are orthogonal to all that earlier ones span, else as in the "
               "reference code");
  fields.plugin("head", head, "head", "classifier on the features");
  fields.group("train", train, "of new components and classifier");
}

void CodaPrompt::Options::check(const config::Node& node) const {
  check_prompted_blocks(blocks, "blocks", node);
  if (prompt_length % 2 != 0) node.fail("prompt_length is odd; half of it are keys, half values");
}

CodaPrompt::CodaPrompt(const Options& options, LearnerParts parts)
    : Learner(parts.stream),
      options_(options),
      per_experience_(options.components / parts.stream.num_experiences),
      classifier_(options.head, options.blocks, std::move(parts)) {
  if (per_experience_ == 0) {
    throw Error(fmt::format(
        "coda_prompt: {} components for a stream of more experiences; each needs at least one",
        options.components));
  }
}

void CodaPrompt::do_learn(const TrainView& view, RunContext& context) {
  const Components earlier = components_.empty() ? blank(0) : all();
  const auto grow = [&](const Tensor& rows, std::string_view name) {
    return orthogonal_rows(per_experience_, rows, options_.exact_gram_schmidt,
                           context.key.child("components").child(name));
  };
  add({.prompts = grow(earlier.prompts, "prompts"),
       .keys = grow(earlier.keys, "keys"),
       .attention = grow(earlier.attention, "attention")});

  const Tensor labels = view.data->labels().to(classifier_.device());
  const auto loss = [&](std::span<const int64_t> rows, const View& augmented) {
    const Components components = all();
    const Tensor query = classifier_.query(*view.data, rows, augmented);
    const Tensor logits =
        classifier_.logits(*view.data, rows, augmented, prompts(components, query));
    const Tensor result = train::cross_entropy_over(view.classes, logits, labels, rows);
    if (options_.orthogonality_weight == 0) return result;
    const Tensor penalty = orthogonality_penalty(components.prompts.flatten(2))
                               .add(orthogonality_penalty(components.keys))
                               .add(orthogonality_penalty(components.attention));
    return result.add(penalty.mul(options_.orthogonality_weight));
  };
  train::fit(
      {{trainable_parameters(components_.back())}, {trainable_parameters(classifier_.head())}},
      *view.data, options_.train, loss, "train", context.key.child("train"), context);
}

Tensor CodaPrompt::do_predict(const Samples& samples, std::span<const int64_t> rows) {
  const Tensor query = classifier_.query(samples, rows, View::test());
  return classifier_.logits(samples, rows, View::test(), prompts(all(), query));
}

PrefixedClassifier::Prompts CodaPrompt::prompts(const Components& components,
                                                const Tensor& query) const {
  PrefixedClassifier::Prompts result;
  for (size_t i = 0; i < options_.blocks.size(); ++i) {
    const auto block = static_cast<int64_t>(i);
    const Tensor alpha = mixing_weights(query, components.attention[block], components.keys[block]);
    result[options_.blocks[i]] =
        product(alpha, components.prompts[block].flatten(1))
            .view({query.size(0), 2, options_.prompt_length / 2, query.size(1)});
  }
  return result;
}

Components CodaPrompt::blank(int64_t num) const {
  const auto num_blocks = static_cast<int64_t>(options_.blocks.size());
  const int64_t dim = classifier_.info().dim;
  const auto kind = at::TensorOptions(at::kFloat).device(classifier_.device());
  return {.prompts = at::zeros({num_blocks, num, options_.prompt_length, dim}, kind),
          .keys = at::zeros({num_blocks, num, dim}, kind),
          .attention = at::zeros({num_blocks, num, dim}, kind)};
}

void CodaPrompt::add(Components components) {
  for (Components& earlier : components_) set_trainable(earlier, false);
  components_.push_back(std::move(components));
  set_trainable(components_.back(), true);
}

Components CodaPrompt::all() const {
  std::vector<Tensor> prompts, keys, attention;
  for (const Components& own : components_) {
    prompts.push_back(own.prompts);
    keys.push_back(own.keys);
    attention.push_back(own.attention);
  }
  return {
      .prompts = at::cat(prompts, 1), .keys = at::cat(keys, 1), .attention = at::cat(attention, 1)};
}

void CodaPrompt::do_shape_for(const State& state) {
  classifier_.forget();
  components_.clear();
  while (find(state, fmt::format("components.{}.keys", components_.size())) != nullptr) {
    add(blank(per_experience_));
  }
}

const RegisterLearner<CodaPrompt> kRegistered{
    "coda_prompt",
    "prefixes mixed for each sample from components that grow in number",
    "Smith et al. 2023, \"CODA-Prompt: COntinual Decomposed Attention-based Prompting for "
    "Rehearsal-Free Continual Learning\", sec. 4",
    {.loss_classes = always(LossClasses::kExperience)}};

}  // namespace
}  // namespace cl
