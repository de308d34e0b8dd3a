// A learner meets one experience after another and can be asked, at any time, to tell test samples
// apart.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <c10/core/Device.h>

#include "core/config/fields.h"
#include "core/features/frozen_work.h"
#include "core/learner/loss_classes.h"
#include "core/metrics/metrics_log.h"
#include "core/nn/backbone.h"
#include "core/stream/stream.h"
#include "core/train/run_context.h"
#include "core/weights/state.h"

namespace cl {

struct LearnerParts {
  std::unique_ptr<Backbone> backbone;  // the learner's own: it may train it
  StreamInfo stream;
  RngKey key;  // the run's model key
  c10::Device device;
  FrozenWork frozen = {};  // for the learner's FrozenTokens
};

/// Continual learner. Callers use the public, checked methods; methods override the private `do_`
/// ones. One thread. All randomness comes from its key and the context's.
class Learner {
 public:
  static constexpr std::string_view kKind = "learner";
  using Parts = LearnerParts;
  struct Traits {
    bool is_joint = false;   // gets all experiences at once and is evaluated once (upper bounds)
    bool may_guess = false;  // not expected to beat chance
    std::string_view tolerant_option = {};  // a number among the options; see `tolerated`
    /// Yes/no options with which a prediction depends on the other samples of its batch; no other
    /// option may make it so.
    std::vector<std::string_view> batch_options = {};
    /// What its classification loss tells apart; null: LossClasses::kOther.
    LossClassesOf loss_classes = {};
  };

  explicit Learner(const StreamInfo& stream) : num_classes_(stream.num_classes) {}
  virtual ~Learner() = default;

  /// Learns one experience; experiences come in the order of the stream.
  /// @throws Error if a parameter is not finite afterwards, naming it
  void learn(const TrainView& view, RunContext& context);

  /// logits [N, num_classes] for the samples `rows`, test view, no gradient; minus infinity exactly
  /// in the columns of classes not seen so far.
  [[nodiscard]] Tensor predict(const Samples& samples, std::span<const int64_t> rows);

  /// Classes seen so far, ascending; while an experience is being learned, with its own.
  [[nodiscard]] const std::vector<int64_t>& classes_seen() const { return classes_seen_; }
  [[nodiscard]] virtual ParameterCount parameter_count() = 0;
  /// Adapters in each block, [depth]; empty where the method has none.
  [[nodiscard]] virtual std::vector<int64_t> adapters_per_block() const { return {}; }
  /// Bytes of what it keeps of the experiences so far besides a network: samples, features,
  /// statistics of classes or of parameters, other networks to come back to. Logged after each
  /// experience, as the scalar "kept_bytes".
  [[nodiscard]] virtual int64_t kept_bytes() { return 0; }
  /// The values of the option `Traits::tolerant_option` with which everything so far (state, logs,
  /// predictions) would have been the same, bit for bit: so much do runs share that differ in it
  /// alone.
  [[nodiscard]] virtual config::Range tolerated() const { return {HUGE_VAL, -HUGE_VAL}; }  // none

  /// Everything that `restore` needs to go on, bit for bit, as if the program had never stopped.
  [[nodiscard]] State save();
  /// @param origin  file, for messages   @throws Error listing missing, unexpected and mis-shaped
  /// tensors, or parameters that are not finite
  void restore(const State& state, std::string_view origin);

  /// All tensors of the method: backbone, adapters, heads, statistics.
  virtual void tensors(TensorVisitor& visitor) = 0;

 private:
  virtual void do_learn(const TrainView& view, RunContext& context) = 0;
  /// @return logits [N, num_classes]; unseen columns are masked by the caller
  [[nodiscard]] virtual Tensor do_predict(const Samples& samples,
                                          std::span<const int64_t> rows) = 0;
  /// Brings the structure (number of adapters, what is frozen, ...) into the shape that `state` was
  /// saved from, before values are loaded. `classes_seen()` is already as it was then.
  virtual void do_shape_for(const State& /*state*/) {}

  int64_t num_classes_;
  std::vector<int64_t> classes_seen_;
};

using Learners = Registry<Learner>;
template <class T>
using RegisterLearner = Register<Learner, T>;

/// What the classification loss of a learner, a checked choice, tells apart.
[[nodiscard]] LossClasses loss_classes(const config::Node& learner);

}  // namespace cl
