#include "core/learner/adapted_classifier.h"

#include <utility>

#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/data/row_index.h"
#include "core/train/losses.h"

namespace cl {
namespace {

AdapterHooks make_adapters(const AdaptedClassifier::Options& options, const BackboneInfo& info,
                           const RngKey& key, c10::Device device) {
  if (options.adapter.is_null()) return {options.adapter, 0, 0, {info.dim, key, device}};
  const int64_t last = options.last_layer == -1 ? info.depth - 1 : options.last_layer;
  if (last >= info.depth || options.first_layer > last) {
    throw Error(fmt::format("adapters in layers {} to {}: the backbone '{}' has layers 0 to {}",
                            options.first_layer, last, info.name, info.depth - 1));
  }
  return {options.adapter, options.first_layer, last + 1, {info.dim, key, device}};
}

}  // namespace

void AdaptedClassifier::Options::fields(config::Fields& fields) {
  fields.plugin("adapter", adapter, "adapter", "one in each adapted block");
  fields.field("first_layer", first_layer, "first adapted block, 0-based", {0, 1000});
  fields.field("last_layer", last_layer, "last adapted block; -1: the backbone's last", {-1, 1000});
  fields.plugin("head", head, "head", "classifier on the features");
}

AdaptedClassifier::AdaptedClassifier(const Options& options, LearnerParts parts)
    : backbone_(std::move(parts.backbone)),
      device_(parts.device),
      adapter_(options.adapter.is_null() ? "" : Adapters::get().write(options.adapter, 0)),
      adapters_(make_adapters(options, backbone_->info(), parts.key.child("adapter"), device_)),
      cache_(*backbone_, parts.device, parts.frozen,
             {.identity = [this](int64_t) { return frozen_adapters(); }}),
      first_adapted_(options.adapter.is_null() ? backbone_->info().depth : options.first_layer),
      num_trained_(at::zeros({}, at::TensorOptions(at::kLong))) {
  head_ = Heads::get().make(options.head, {backbone_->info().dim, parts.stream.num_classes,
                                           parts.key.child("head"), parts.device});
  set_trainable(*backbone_, false);
  set_trainable(adapters_, true);
  for (int64_t layer = 0; !options.adapter.is_null() && layer < backbone_->info().depth; ++layer) {
    per_block_.push_back(adapters_.adapter(layer) == nullptr ? 0 : 1);
  }
  set_trainable(*head_, true);
}

void AdaptedClassifier::set_adapters_frozen(bool frozen) {
  adapters_frozen_ = frozen;
  set_trainable(adapters_, !frozen);
  cache_.forget();
}

void AdaptedClassifier::train_backbone(double lr_scale) {
  backbone_lr_scale_ = lr_scale;
  set_trainable(*backbone_, true);
}

std::vector<train::ParameterGroup> AdaptedClassifier::trained_groups() {
  train::ParameterGroup added{trainable_parameters(adapters_)};
  for (const Tensor& parameter : trainable_parameters(*head_)) {
    added.parameters.push_back(parameter);
  }
  return {added, {trainable_parameters(*backbone_), backbone_lr_scale_}};
}

void AdaptedClassifier::learn(const TrainView& view, const train::Options& options,
                              RunContext& context) {
  const Tensor labels = view.data->labels().to(device_);
  const auto groups = trained_groups();
  num_trained_.zero_();
  for (const auto& group : groups) num_trained_ += count(group.parameters);
  const auto loss = [&](std::span<const int64_t> rows, const View& augmented) {
    const Tensor logits = head_->logits(features(*view.data, rows, augmented));
    return train::cross_entropy(train::keep_classes(logits, view.classes),
                                labels.index_select(0, row_index(rows, device_)));
  };
  train::fit(groups, view.data->size(), options, loss, "train", context.key.child("train"),
             context);
}

Tensor AdaptedClassifier::logits(const Samples& samples, std::span<const int64_t> rows) {
  return head_->logits(features(samples, rows, View::test()));
}

Tensor AdaptedClassifier::features(const Samples& samples, std::span<const int64_t> rows,
                                   const View& view) {
  if (backbone_lr_scale_ > 0) {
    return backbone_->forward(samples.fetch(rows, view).to(device_), adapters_);
  }
  const int64_t depth = backbone_->info().depth;
  if (adapters_frozen_ || first_adapted_ == depth) {
    return cache_.features(samples, rows, view, adapters_);
  }
  Hooks none;
  // Keeping what enters block 0 would cost much memory and save little time.
  const Tensor tokens = first_adapted_ == 0
                            ? backbone_->embed(samples.fetch(rows, view).to(device_))
                            : cache_.tokens(samples, rows, view, first_adapted_, none);
  return backbone_->pool(
      backbone_->norm(backbone_->blocks(tokens, first_adapted_, depth, adapters_)));
}

std::string AdaptedClassifier::frozen_adapters() {
  if (!adapters_frozen_) return "";
  return fmt::format(" with {}{}", adapter_, digest(tensors_of(adapters_)));
}

ParameterCount AdaptedClassifier::parameter_count() {
  const int64_t added = count(parameters(adapters_)) + count(parameters(*head_));
  return {
      .trainable = num_trained_.item<int64_t>(), .added = added, .total = count(parameters(*this))};
}

void AdaptedClassifier::tensors(TensorVisitor& visitor) {
  visitor.child("backbone", *backbone_);
  adapters_.tensors(visitor);
  visitor.child("head", *head_);
  visitor.buffer("num_trained", num_trained_);
}

}  // namespace cl
