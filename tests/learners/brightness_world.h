// A learner on two experiences of two classes each, told apart by brightness.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include "core/data/tensor_dataset.h"
#include "core/learner/learner.h"
#include "core/metrics/run_record.h"
#include "core/nn/init.h"
#include "core/weights/state.h"
#include "tests/support/tiny_backbone.h"

namespace cl::testing {

struct BrightnessWorld {
  static constexpr int64_t kSize = 48;  // images of an experience

  BrightnessWorld(const std::string& choice, int64_t num_classes, int64_t depth = 3) {
    StreamInfo stream;
    stream.num_experiences = 2;
    stream.num_classes = num_classes;
    stream.sample_shape = {3, 8, 8};
    learner = Learners::get().make(config::Node::parse(choice, "test.yaml"),
                                   {make_tiny(depth), stream, RngKey(1), at::kCPU});
  }

  static Tensor images() { return init::normal({kSize, 3, 8, 8}, 0.5, 0.2, RngKey(2), at::kCPU); }
  static TrainView view(int64_t index) {
    const Tensor x = images();
    Tensor labels = at::zeros({kSize}, at::kLong);
    for (int64_t i = 0; i < kSize; ++i) {
      labels[i] = 2 * index + i % 2;
      if (i % 2 == 1) x[i].add_(0.5);
    }
    return {.index = index,
            .task = {},
            .classes = {2 * index, 2 * index + 1},
            .data = std::make_shared<TensorDataset>(x, labels)};
  }

  void learn(int64_t k, const std::function<void()>& after_epoch = nullptr) {
    RunContext context{RngKey(3).child(static_cast<uint64_t>(k)), k, 2, log, progress, {}};
    context.after_epoch = after_epoch;
    learner->learn(view(k), context);
  }
  Tensor logits() {
    return learner->predict(TensorDataset(images(), at::zeros({kSize}, at::kLong)),
                            std::vector<int64_t>{0, 1, 2, 3, 4, 5});
  }
  State state() { return learner->save(); }

  RunRecord record{2};
  RunRecorder log{record};
  Progress progress;
  std::unique_ptr<Learner> learner;
};

}  // namespace cl::testing
