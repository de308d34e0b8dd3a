#include "core/learner/learner.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <fmt/format.h>

#include "core/base/check.h"
#include "core/nn/threads.h"
#include "core/train/losses.h"
#include "core/weights/finite.h"

namespace cl {
namespace {

// Stands beside the method's own tensors in a saved state.
constexpr std::string_view kClassesSeen = "learner.classes_seen";

void check_view(const TrainView& view, int64_t num_classes) {
  CL_CHECK(view.data != nullptr && view.data->size() > 0, "experience {} has no data", view.index);
  CL_CHECK(!view.classes.empty(), "experience {} has no classes", view.index);
  const std::set<int64_t> classes(view.classes.begin(), view.classes.end());
  CL_CHECK(*classes.begin() >= 0 && *classes.rbegin() < num_classes,
           "experience {}: classes {} to {} of {}", view.index, *classes.begin(), *classes.rbegin(),
           num_classes);
  const Tensor labels = view.data->labels().contiguous();
  CL_CHECK(labels.size(0) == view.data->size(), "{} labels for {} samples", labels.size(0),
           view.data->size());
  const auto* values = labels.data_ptr<int64_t>();
  for (const int64_t label : std::set<int64_t>(values, values + labels.numel())) {
    CL_CHECK(classes.contains(label), "experience {}: label {} is none of its classes", view.index,
             label);
  }
}

void check_finite(Learner& learner, int64_t experience) {
  TensorVisitor visitor([&](const std::string& name, Tensor& tensor, TensorVisitor::Role role) {
    if (role != TensorVisitor::Role::kParameter || at::isfinite(tensor).all().item<bool>()) return;
    throw Error(
        fmt::format("experience {}: parameter '{}' is not finite after learning; a lower "
                    "learning rate may help",
                    experience, name));
  });
  learner.tensors(visitor);
}

/// Those of `state` that are parameters of `learner`, which are finite after every experience.
/// Buffers may be anything.
State parameters_in(const State& state, Learner& learner) {
  std::set<std::string> names;
  TensorVisitor visitor([&](const std::string& name, Tensor&, TensorVisitor::Role role) {
    if (role == TensorVisitor::Role::kParameter) names.insert(name);
  });
  learner.tensors(visitor);
  State result;
  std::copy_if(state.begin(), state.end(), std::back_inserter(result),
               [&](const auto& entry) { return names.contains(entry.first); });
  return result;
}

}  // namespace

LossClasses loss_classes(const config::Node& learner) {
  const LossClassesOf& of = Learners::get().entry(learner).traits.loss_classes;
  return of ? of(config::choice(learner).options) : LossClasses::kOther;
}

void Learner::learn(const TrainView& view, RunContext& context) {
  check_view(view, num_classes_);
  std::set<int64_t> seen(classes_seen_.begin(), classes_seen_.end());
  seen.insert(view.classes.begin(), view.classes.end());
  classes_seen_.assign(seen.begin(), seen.end());
  do_learn(view, context);
  check_finite(*this, view.index);
  context.log.scalar("kept_bytes", context.experience, static_cast<double>(kept_bytes()));
}

Tensor Learner::predict(const Samples& samples, std::span<const int64_t> rows) {
  CL_CHECK(!classes_seen_.empty(), "asked to predict before anything was learned");
  const GradMode no_gradients(false);
  const Tensor logits = do_predict(samples, rows);
  CL_CHECK(logits.dim() == 2 && logits.size(0) == static_cast<int64_t>(rows.size()) &&
               logits.size(1) == num_classes_,
           "logits of shape [{}] for {} samples and {} classes", fmt::join(logits.sizes(), ", "),
           rows.size(), num_classes_);
  return train::keep_classes(logits, classes_seen_);
}

State Learner::save() {
  State state = snapshot(*this);
  Tensor seen =
      at::empty({static_cast<int64_t>(classes_seen_.size())}, at::TensorOptions(at::kLong));
  std::copy(classes_seen_.begin(), classes_seen_.end(), seen.data_ptr<int64_t>());
  state.emplace_back(kClassesSeen, seen);
  return state;
}

void Learner::restore(const State& state, std::string_view origin) {
  const Tensor* seen = find(state, kClassesSeen);
  if (seen == nullptr || seen->scalar_type() != at::kLong || seen->dim() != 1) {
    throw Error(fmt::format("{}: no list of integers '{}'; expected the state of a learner", origin,
                            kClassesSeen));
  }
  State own;
  for (const auto& tensor : state) {
    if (tensor.first != kClassesSeen) own.push_back(tensor);
  }
  const Tensor values = seen->contiguous();
  const std::span list(values.data_ptr<int64_t>(), static_cast<size_t>(values.numel()));
  if (std::any_of(list.begin(), list.end(),
                  [this](int64_t c) { return c < 0 || c >= num_classes_; })) {
    throw Error(fmt::format("{}: '{}' names a class outside of 0 to {}", origin, kClassesSeen,
                            num_classes_ - 1));
  }
  const std::vector<int64_t> before =
      std::exchange(classes_seen_, std::vector<int64_t>(list.begin(), list.end()));
  try {
    do_shape_for(own);
    require_finite(parameters_in(own, *this), origin);
    load(*this, own, origin);
  } catch (...) {
    classes_seen_ = before;
    throw;
  }
}

}  // namespace cl
