// Tuner: every weight of the network is trained.
#include "core/nn/tuners/tuner.h"
#include "core/weights/state.h"

namespace cl {
namespace {

class Full final : public Tuner {
 public:
  struct Options {
    void fields(config::Fields& /*fields*/) {}
  };

  Full(const Options& /*options*/, const TunerParts& parts) { set_trainable(parts.backbone, true); }

  [[nodiscard]] Hooks& hooks() override { return none_; }
  [[nodiscard]] int64_t first_block() const override { return 0; }
  void tensors(TensorVisitor& /*visitor*/) override {}

 private:
  Hooks none_;
};

const RegisterTuner<Full> kRegistered{
    "full", "every weight of the network", "baseline", {.trains_backbone = true}};

}  // namespace
}  // namespace cl
