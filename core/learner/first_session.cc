#include "core/learner/first_session.h"

#include <utility>

#include <ATen/ops/zeros.h>

#include "core/config/idle_option.h"
#include "core/data/row_index.h"

namespace cl {
namespace {

constexpr int64_t kBatch = 256;  // rows whose features are looked at together

/// Half of the memory where features of two networks are remembered.
FrozenWork share(FrozenWork work, bool keeps_plain) {
  if (keeps_plain) work.memory_bytes /= 2;
  return work;
}

std::unique_ptr<Backbone> plain_copy(const FirstSession::Options& options, Backbone& backbone,
                                     bool is_wanted) {
  const bool changes = Tuners::get().entry(options.tuner).traits.trains_backbone;
  return is_wanted && changes ? backbone.clone() : nullptr;
}

}  // namespace

void FirstSession::Options::fields(config::Fields& fields) {
  fields.plugin("tuner", tuner, "tuner", "what of the network adapts to the first experience");
  fields.group("train", train, "of that, with a cosine head");
}

void FirstSession::Options::check(const config::Node& node, const Options& standard) const {
  if (config::choice(tuner).name != "none") return;
  config::refuse_idle(node, "train", train, standard.train,
                      "'tuner: none' leaves nothing to train");
}

LossClasses FirstSession::Options::told_apart() const {
  return config::choice(tuner).name == "none" ? LossClasses::kOther : LossClasses::kFirstExperience;
}

FirstSession::FirstSession(const Options& options, LearnerParts parts, bool keeps_plain)
    : train_(options.train),
      plain_(plain_copy(options, *parts.backbone, keeps_plain)),
      network_({.tuner = options.tuner, .head = config::Node::of("cosine")},
               {std::move(parts.backbone), parts.stream, parts.key, parts.device,
                share(parts.frozen, keeps_plain)}),
      num_trained_(at::zeros({}, at::TensorOptions(at::kLong))) {
  if (!keeps_plain) return;
  plain_features_.emplace(plain_ ? *plain_ : network_.backbone(), parts.device,
                          share(parts.frozen, true));
}

void FirstSession::adapt(const TrainView& view, RunContext& context) {
  num_trained_.zero_();
  if (network_.is_frozen()) return;
  // Where nothing but the classifier would learn, nothing does, as that is not used.
  if (!network_.trained_groups().front().parameters.empty()) {
    network_.learn(view, train_, context);
    num_trained_.fill_(network_.parameter_count().trainable);
  }
  network_.set_frozen(true);
}

Tensor FirstSession::features(const Samples& samples, std::span<const int64_t> rows) {
  return network_.features(samples, rows, View::test());
}

Tensor FirstSession::plain_features(const Samples& samples, std::span<const int64_t> rows) {
  Hooks none;
  return plain_features_->features(samples, rows, View::test(), none);
}

void FirstSession::visit_batches(
    const TrainView& view, RunContext& context,
    const std::function<void(std::span<const int64_t> rows, const Tensor& labels)>& visit) const {
  const PhaseTimer timer(context.log, "count");
  for_batches(*view.data, View::test(), kBatch, [&](std::span<const int64_t> rows) {
    context.check_stop();
    visit(rows, view.data->labels()
                    .narrow(0, rows.front(), static_cast<int64_t>(rows.size()))
                    .to(device()));
  });
}

ParameterCount FirstSession::parameter_count() {
  ParameterCount result = network_.parameter_count();
  result.trainable = num_trained_.item<int64_t>();
  // The classifier of the first experience is not used afterwards, the plain network is.
  const int64_t unused = count(parameters(network_.head()));
  const int64_t plain = plain_ ? count(parameters(*plain_)) : 0;
  result.added += plain - unused;
  result.total += plain - unused;
  return result;
}

void FirstSession::shape_for(bool adapted) {
  network_.set_frozen(adapted);
  network_.forget();
  if (plain_features_) plain_features_->forget();
}

void FirstSession::tensors(TensorVisitor& visitor) {
  network_.tensors(visitor);
  if (plain_) visitor.child("plain", *plain_);
  visitor.buffer("num_trained_last", num_trained_);
}

}  // namespace cl
