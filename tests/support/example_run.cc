#include "tests/support/example_run.h"

#include <array>

#include "core/config/write.h"

namespace cl {
namespace {

void report_growth(RunRecorder& log) {
  log.scalar("expandable_blocks", 0, 2);
  log.scalar("train/loss", 1, 0.5);
  log.scalar("train/loss", 2, 0.25);
  log.row("ledger", {{"experience", int64_t{1}}, {"score", 1.5}, {"expanded", int64_t{1}}});
  log.row("ledger", {{"experience", int64_t{2}}, {"score", 0.1}, {"expanded", int64_t{0}}});
  log.expansion({1, 3, 2, "adapter", 100});
  log.expansion({2, 7, 3, "adapter", 100});
  log.size(0, {500, 400, 9400}, {1, 1, 1, 1});
  log.size(1, {110, 510, 9510}, {1, 1, 2, 1});
  log.size(2, {110, 620, 9620}, {1, 1, 2, 2});
  log.seconds("train", 2);
  log.seconds("evaluate", 0.5);
  log.seconds("train", 1);
  log.flops("learn.forward", 0, 2e12);
  log.flops("learn.forward", 2, 5e11);
}

}  // namespace

Evaluation example_evaluation(int64_t after, int64_t on, int64_t num_test, int64_t correct) {
  Evaluation evaluation{after, on, {}, {}, {}};
  for (int64_t i = 0; i < num_test; ++i) {
    const int64_t label = 2 * on + i % 2;
    const int64_t prediction = i < correct ? label : 2 * on + (i + 1) % 2;
    evaluation.labels.push_back(label);
    evaluation.predictions.push_back(prediction);
    evaluation.task_predictions.push_back(prediction);
  }
  return evaluation;
}

RunRecord example_run() {
  constexpr int64_t kExperiences = 3;
  constexpr std::array<int64_t, 3> kNumTest{40, 20, 20};
  constexpr std::array<std::array<int64_t, 3>, 3> kCorrect{{{36, 0, 0}, {28, 16, 0}, {24, 14, 15}}};
  RunRecord run(kExperiences);
  run.suite = "example";
  run.label = "learner=sema,seed=1";
  run.spec = "stream:\n  blobs:\n    experiences: 3\nlearner:\n  sema:\n    threshold: 1.5\n";
  run.id = config::digest(run.spec);
  run.learner = "sema";
  run.stream = "blobs";
  run.backbone = "tiny";
  run.stream_seed = 1;
  run.model_seed = 1;
  run.digests = {{"data", "aa11"}, {"weights", "bb22"}};
  run.provenance = {{"host", "hôte"}, {"git_commit", "d4e0f4c"}};
  RunRecorder log(run);
  for (int64_t k = 0; k < kExperiences; ++k) {
    const auto row = static_cast<size_t>(k);
    run.experiences[row] = {"part " + std::to_string(k), 100, kNumTest[row], {2 * k, 2 * k + 1}};
    for (int64_t on = 0; on <= k; ++on) {
      const auto column = static_cast<size_t>(on);
      log.evaluation(example_evaluation(k, on, kNumTest[column], kCorrect[row][column]));
    }
  }
  report_growth(log);
  return run;
}

}  // namespace cl
