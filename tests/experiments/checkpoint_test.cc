#include "experiments/checkpoint.h"

#include <string>
#include <vector>

#include "core/nn/threads.h"
#include "core/weights/safetensors.h"
#include "experiments/run.h"
#include "experiments/run_files.h"
#include "experiments/suite.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl::experiments {

TEST_CASE("a checkpoint predicts what the run has recorded", "[experiments]") {
  const TempDir folder;
  const auto spec = load_suite(folder.write("suite.yaml", R"(
stream: {blobs: {classes: 4, experiences: 2}}
backbone: {tiny: {depth: 2}}
learner: finetune_adapter
seeds: 5
)"))
                        .runs.front();
  apply({.jobs = 1, .intra_op_threads = 1});
  Progress silent;
  const RunRecord record =
      run(spec, {.out = folder.path(), .data_root = {}, .provenance = {}, .stop = {}}, silent);

  const Checkpoint checkpoint = read_checkpoint(RunFiles(folder.path(), spec.id()).checkpoint());
  CHECK(checkpoint.stream.num_classes == 4);
  CHECK(checkpoint.stream.class_names.size() == 4);
  CHECK(checkpoint.stream.sample_shape == std::vector<int64_t>{3, 8, 8});
  const auto stream =
      Streams::get().make(spec.settings.stream, {.key = RngKey(5), .data_root = {}});
  const Experience last = stream->experience(1);
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < last.test->size(); ++i) rows.push_back(i);
  const Tensor best = checkpoint.learner->predict(*last.test, rows).argmax(1).contiguous();
  const auto* ids = best.data_ptr<int64_t>();
  // The last evaluation is that of experience 1 after experience 1.
  CHECK(std::vector<int64_t>(ids, ids + best.numel()) == record.evaluations.back().predictions);
}

TEST_CASE("a file that is no checkpoint is refused by name", "[experiments]") {
  const TempDir folder;
  write_safetensors(folder / "weights.safetensors", {});
  CHECK_THROWS_WITH(read_checkpoint(folder / "weights.safetensors"),
                    Contains("weights.safetensors' is no checkpoint of a run: its metadata lack "
                             "'settings'"));
}

}  // namespace cl::experiments
