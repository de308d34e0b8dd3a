#include "experiments/protocol.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include "core/base/allocator.h"
#include "core/data/fetch_ahead.h"
#include "core/data/joined_dataset.h"
#include "core/data/row_index.h"
#include "core/nn/flops.h"
#include "core/train/losses.h"

namespace cl::experiments {
namespace {

std::vector<int64_t> to_vector(const Tensor& values) {
  const Tensor plain = values.contiguous();
  const auto* data = plain.data_ptr<int64_t>();
  return {data, data + plain.numel()};
}

/// All experiences as one, for learners that are an upper bound.
TrainView joined_view(const Stream& stream) {
  std::vector<DatasetPtr> parts;
  TrainView view;
  for (int64_t k = 0; k < stream.info().num_experiences; ++k) {
    const Experience experience = stream.experience(k);
    parts.push_back(experience.train);
    view.classes.insert(view.classes.end(), experience.classes.begin(), experience.classes.end());
  }
  std::sort(view.classes.begin(), view.classes.end());
  view.classes.erase(std::unique(view.classes.begin(), view.classes.end()), view.classes.end());
  view.data = join(std::move(parts));
  return view;
}

/// Seconds that reading and preparing samples took, and those in which nothing else went on.
void log(const FetchTime& time, const RunContext& context) {
  context.log.seconds("fetch", time.worked);
  context.log.seconds("fetch.waited", time.waited);
}

/// Predictions for all test samples of `on`, among all classes seen and among its own: both from
/// the same logits, by masking.
Evaluation examine(Learner& learner, const Experience& on, int64_t batch_size,
                   const RunContext& context) {
  Evaluation result;
  result.after = context.experience;
  result.on = on.index;
  result.labels = to_vector(on.test->labels());
  const FetchAhead test(on.test);
  for_batches(test, View::test(), batch_size, [&](std::span<const int64_t> rows) {
    context.check_stop();
    const Tensor logits = learner.predict(test, rows).cpu();
    if (logits.isnan().any().item<bool>()) {
      throw Error(
          fmt::format("after experience {}: a logit for a test sample of '{}' is not a "
                      "number; lower the learning rate",
                      context.experience, on.name));
    }
    for (const int64_t id : to_vector(logits.argmax(1))) result.predictions.push_back(id);
    const Tensor own = train::keep_classes(logits, on.classes);
    for (const int64_t id : to_vector(own.argmax(1))) result.task_predictions.push_back(id);
  });
  log(test.time(), context);
  return result;
}

void examine_all(const Stream& stream, Learner& learner, const Protocol& protocol,
                 const RunContext& context) {
  const PhaseTimer timer(context.log, "evaluate");
  for (int64_t j = 0; j <= context.experience; ++j) {
    context.progress.update({.experience = context.experience,
                             .num_experiences = context.num_experiences,
                             .phase = "evaluate",
                             .step = j,
                             .num_steps = context.experience + 1});
    context.log.evaluation(examine(learner, stream.experience(j), protocol.batch_size, context));
  }
  give_back_freed_memory();
}

/// What many programmes of the field do after each epoch.
void watch(const Stream& stream, Learner& learner, const Protocol& protocol,
           const RunContext& context) {
  const PhaseTimer timer(context.log, "watch");
  int64_t num_right = 0, num_samples = 0;
  for (int64_t j = 0; j <= context.experience; ++j) {
    const Evaluation result = examine(learner, stream.experience(j), protocol.batch_size, context);
    for (size_t i = 0; i < result.labels.size(); ++i) {
      num_right += static_cast<int64_t>(result.labels[i] == result.predictions[i]);
    }
    num_samples += static_cast<int64_t>(result.labels.size());
  }
  context.log.row("accuracy_by_epoch", {{"experience", context.experience},
                                        {"pass", context.passes},
                                        {"accuracy", static_cast<double>(num_right) /
                                                         static_cast<double>(num_samples)}});
}

/// What this thread has computed since it was last logged.
class Work {
 public:
  void log(const std::string& phase, const RunContext& context) {
    const auto [forward, backward] = std::exchange(count_, {});
    context.log.flops(phase + ".forward", context.experience, forward);
    if (backward > 0) context.log.flops(phase + ".backward", context.experience, backward);
  }

 private:
  FlopCount count_;
  FlopScope scope_{count_};
};

}  // namespace

int64_t num_steps(const StreamInfo& stream, const Protocol& protocol) {
  return protocol.is_joint ? 1 : stream.num_experiences;
}

RngKey step_key(const RngKey& model, int64_t step) {
  return model.child("experience").child(static_cast<uint64_t>(step));
}

void conduct(const Stream& stream, Learner& learner, const Protocol& protocol,
             const RunContext& context, const std::function<void(int64_t)>& after_step) {
  const StreamInfo& info = stream.info();
  Work work;
  for (int64_t k = protocol.first_step; k < num_steps(info, protocol); ++k) {
    const RunContext step{.key = step_key(context.key, k),
                          .experience = protocol.is_joint ? info.num_experiences - 1 : k,
                          .num_experiences = info.num_experiences,
                          .log = context.log,
                          .progress = context.progress,
                          .stop = context.stop,
                          .num_views = context.num_views};
    {
      RunContext learning = step;
      if (protocol.watches_epochs) {
        learning.after_epoch = [&] {
          work.log("learn", step);
          watch(stream, learner, protocol, learning);
          work.log("watch", step);
        };
      }
      context.progress.update({.experience = step.experience,
                               .num_experiences = step.num_experiences,
                               .phase = "learn"});
      TrainView view =
          protocol.is_joint ? joined_view(stream) : stream.experience(k).train_view(info.scenario);
      const auto data = std::make_shared<const FetchAhead>(std::move(view.data));
      view.data = data;
      learner.learn(view, learning);
      log(data->time(), step);
    }
    work.log("learn", step);
    examine_all(stream, learner, protocol, step);
    work.log("evaluate", step);
    context.log.size(step.experience, learner.parameter_count(), learner.adapters_per_block());
    after_step(k + 1);
  }
}

}  // namespace cl::experiments
