#include "core/learner/tuned_classifier.h"

#include <utility>

#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/ScopeExit.h>
#include <fmt/format.h>

#include "core/base/check.h"
#include "core/config/idle_option.h"
#include "core/features/freeze.h"
#include "core/train/losses.h"

namespace cl {
namespace {

/// Notes the tokens that leave each block.
class WatchedBlocks final : public Hooks {
 public:
  WatchedBlocks(Hooks& hooks, std::vector<Tensor>& tokens) : hooks_(hooks), tokens_(tokens) {}

  Tensor at(const SiteCall& call, Tensor out) override {
    Tensor result = hooks_.at(call, std::move(out));
    if (call.site == Site::kBlockOutput) tokens_.push_back(result);
    return result;
  }
  [[nodiscard]] bool acts_at(Site site, int64_t layer) const override {
    return site == Site::kBlockOutput || hooks_.acts_at(site, layer);
  }
  std::optional<Prefix> prefix(int64_t layer, const Tensor& tokens) override {
    return hooks_.prefix(layer, tokens);
  }

 private:
  Hooks& hooks_;
  std::vector<Tensor>& tokens_;
};

}  // namespace

void TunedClassifier::Options::fields(config::Fields& fields) {
  fields.plugin("tuner", tuner, "tuner", "what is trained besides the classifier");
  fields.field("tuner_lr_scale", tuner_lr_scale, "learning rate of that over the classifier's",
               {1e-9, 1000});
  fields.plugin("head", head, "head", "classifier on the features");
}

void TunedClassifier::Options::check(const config::Node& node, const Options& standard) const {
  if (config::choice(tuner).name != "none") return;
  config::refuse_idle(node, "tuner_lr_scale", tuner_lr_scale, standard.tuner_lr_scale,
                      "'tuner: none' trains nothing that would have this rate");
}

TunedClassifier::TunedClassifier(const Options& options, LearnerParts parts)
    : TunedClassifier(options, std::move(parts.backbone), parts.stream.num_classes, parts.key,
                      parts.device, std::move(parts.frozen)) {}

TunedClassifier::TunedClassifier(const Options& options, const TunedClassifier& other,
                                 const RngKey& key)
    : TunedClassifier(options, other.backbone_, other.num_classes_, key, other.device_,
                      other.work_) {
  if (trains_backbone()) throw Error("a backbone that several networks share cannot be trained");
}

TunedClassifier::TunedClassifier(const Options& options, std::shared_ptr<Backbone> backbone,
                                 int64_t num_classes, const RngKey& key, c10::Device device,
                                 FrozenWork work)
    : options_(options),
      num_classes_(num_classes),
      backbone_(std::move(backbone)),
      device_(device),
      work_(std::move(work)),
      cache_(*backbone_, device, work_, {.identity = [this](int64_t) { return frozen_tuner(); }}),
      num_trained_(at::zeros({}, at::TensorOptions(at::kLong))) {
  if (trains_backbone()) {
    set_trainable(*backbone_, false);  // the tuner begins it
  } else {
    freeze(*backbone_, work_);
  }
  tuner_ = Tuners::get().make(options.tuner, {*backbone_, key.child("adapter"), device});
  head_ = Heads::get().make(options.head,
                            {backbone_->info().dim, num_classes, key.child("head"), device});
  set_trainable(*head_, true);
}

bool TunedClassifier::trains_backbone() const {
  return Tuners::get().entry(options_.tuner).traits.trains_backbone;
}

void TunedClassifier::set_frozen(bool frozen) {
  if (std::exchange(frozen_, frozen) == frozen) return;
  set_trainable(*tuner_, !frozen);
  if (trains_backbone()) set_trainable(*backbone_, !frozen);
  forget();
}

std::vector<train::ParameterGroup> TunedClassifier::trained_groups() {
  train::ParameterGroup tuned{trainable_parameters(*tuner_), options_.tuner_lr_scale};
  for (const Tensor& parameter : trainable_parameters(*backbone_)) {
    tuned.parameters.push_back(parameter);
  }
  std::vector<train::ParameterGroup> groups{tuned, {trainable_parameters(*head_)}};
  num_trained_.zero_();
  for (const auto& group : groups) num_trained_ += count(group.parameters);
  return groups;
}

void TunedClassifier::learn(const TrainView& view, const train::Options& options,
                            RunContext& context) {
  learn(view, view.classes, options, context);
}

void TunedClassifier::learn(const TrainView& view, const std::vector<int64_t>& classes,
                            const train::Options& options, RunContext& context) {
  const Tensor labels = view.data->labels().to(device_);
  const auto loss = [&](std::span<const int64_t> rows, const View& augmented) {
    return train::cross_entropy_over(classes, logits(*view.data, rows, augmented), labels, rows);
  };
  fit(*view.data, options, loss, context);
}

void TunedClassifier::fit(const train::Rows& rows, const train::Options& options,
                          const train::Loss& loss, RunContext& context) {
  fit(trained_groups(), rows, options, loss, context);
}

void TunedClassifier::fit(const std::vector<train::ParameterGroup>& groups, const train::Rows& rows,
                          const train::Options& options, const train::Loss& loss,
                          RunContext& context) {
  drawing_ = Drawing{context.key.child("passes")};
  const auto end = c10::make_scope_exit([this] { drawing_.reset(); });
  train::fit(groups, rows, options, loss, "train", context.key.child("train"), context);
}

std::optional<RngKey> TunedClassifier::next_pass() {
  if (!drawing_ || frozen_ || !c10::GradMode::is_enabled()) return std::nullopt;
  return drawing_->passes.child(drawing_->num_passes++);
}

Tensor TunedClassifier::logits(const Samples& samples, std::span<const int64_t> rows,
                               const View& view) {
  return head_->logits(features(samples, rows, view));
}

Tensor TunedClassifier::features(const Tensor& x) {
  tuner_->draw_from(next_pass());
  return backbone_->forward(x, tuner_->hooks());
}

Tensor TunedClassifier::logits(const Tensor& x) {
  return head_->logits(features(x));
}

Tensor TunedClassifier::features(const Samples& samples, std::span<const int64_t> rows,
                                 const View& view) {
  tuner_->draw_from(next_pass());
  if (frozen_ || tuner_->first_block() == backbone_->info().depth) {
    return cache_.features(samples, rows, view, tuner_->hooks());
  }
  return computed(samples, rows, view, tuner_->hooks());
}

Tensor TunedClassifier::logits(const Samples& samples, std::span<const int64_t> rows,
                               const View& view, std::vector<Tensor>& tokens) {
  CL_CHECK(!frozen_, "of a frozen network only features are remembered");
  tuner_->draw_from(next_pass());
  WatchedBlocks watched(tuner_->hooks(), tokens);
  return head_->logits(computed(samples, rows, view, watched));
}

Tensor TunedClassifier::computed(const Samples& samples, std::span<const int64_t> rows,
                                 const View& view, Hooks& hooks) {
  const int64_t depth = backbone_->info().depth, first = tuner_->first_block();
  const bool is_embedding_frozen = !trains_backbone() && !hooks.acts_at(Site::kPatches, 0);
  Hooks none;
  const Tensor tokens = first == 0 && !is_embedding_frozen
                            ? backbone_->embed(samples.fetch(rows, view).to(device_), hooks)
                            : cache_.tokens(samples, rows, view, first, none);
  return backbone_->pool(backbone_->norm(backbone_->blocks(tokens, first, depth, hooks), hooks));
}

std::string TunedClassifier::frozen_tuner() {
  if (!frozen_) return "";
  return fmt::format(" with {}{}", Tuners::get().write(options_.tuner, 0),
                     digest(tensors_of(*tuner_)));
}

std::unique_ptr<TunedClassifier> TunedClassifier::frozen_copy() {
  std::shared_ptr<Backbone> backbone = trains_backbone() ? backbone_->clone() : backbone_;
  std::unique_ptr<TunedClassifier> copy(
      new TunedClassifier(options_, std::move(backbone), num_classes_, RngKey(0), device_, work_));
  load(*copy->tuner_, tensors_of(*tuner_), "copy");
  load(*copy->head_, tensors_of(*head_), "copy");
  copy->set_frozen(true);
  set_trainable(*copy->head_, false);
  return copy;
}

ParameterCount TunedClassifier::parameter_count() {
  const int64_t added = count(parameters(*tuner_)) + count(parameters(*head_));
  return {
      .trainable = num_trained_.item<int64_t>(), .added = added, .total = count(parameters(*this))};
}

void TunedClassifier::tensors(TensorVisitor& visitor) {
  visitor.child("backbone", *backbone_);
  own_tensors(visitor);
}

void TunedClassifier::own_tensors(TensorVisitor& visitor) {
  tuner_->tensors(visitor);
  visitor.child("head", *head_);
  visitor.buffer("num_trained", num_trained_);
}

}  // namespace cl
