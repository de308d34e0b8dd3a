// Guesses: the floor of every table, and the smallest learner there is.
//
// A sample's logits are drawn from the run's key and the sample's place in its data set, so a guess
// neither depends on the batch nor changes when it is asked for again.
#include <ATen/ops/empty.h>

#include "core/learner/learner.h"

namespace cl {
namespace {

class Random final : public Learner {
 public:
  struct Options {
    void fields(config::Fields& /*fields*/) {}
  };

  Random(const Options& /*options*/, LearnerParts parts)
      : Learner(parts.stream),
        num_classes_(parts.stream.num_classes),
        key_(parts.key.child("guess")),
        device_(parts.device) {}

  ParameterCount parameter_count() override { return {}; }
  void tensors(TensorVisitor& /*visitor*/) override {}

 private:
  void do_learn(const TrainView& /*view*/, RunContext& /*context*/) override {}

  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override {
    const RngKey key = key_.child(samples.id());
    Tensor logits =
        at::empty({static_cast<int64_t>(rows.size()), num_classes_}, at::TensorOptions(at::kFloat));
    auto* value = logits.data_ptr<float>();
    for (const int64_t row : rows) {
      auto engine = key.child(static_cast<uint64_t>(row)).engine();
      for (int64_t c = 0; c < num_classes_; ++c) *value++ = static_cast<float>(uniform(engine));
    }
    return logits.to(device_);
  }

  int64_t num_classes_;
  RngKey key_;
  c10::Device device_;
};

const RegisterLearner<Random> kRegistered{
    "random", "keyed guesses among the classes seen", "baseline", {.may_guess = true}};

}  // namespace
}  // namespace cl
