// Tuner: nothing is trained but what reads the features.
#include "core/nn/tuners/tuner.h"

namespace cl {
namespace {

class NoTuner final : public Tuner {
 public:
  struct Options {
    void fields(config::Fields& /*fields*/) {}
  };

  NoTuner(const Options& /*options*/, const TunerParts& parts)
      : depth_(parts.backbone.info().depth) {}

  [[nodiscard]] Hooks& hooks() override { return none_; }
  [[nodiscard]] int64_t first_block() const override { return depth_; }
  void tensors(TensorVisitor& /*visitor*/) override {}

 private:
  int64_t depth_;
  Hooks none_;
};

const RegisterTuner<NoTuner> kRegistered{"none", "nothing of the network", "baseline"};

}  // namespace
}  // namespace cl
