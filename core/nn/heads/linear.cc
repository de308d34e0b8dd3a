// Linear classifier: one row of weights and one bias a class.
#include "core/nn/heads/head.h"
#include "core/nn/layers.h"

namespace cl {
namespace {

class LinearHead final : public Head {
 public:
  struct Options {
    void fields(config::Fields&) {}
  };

  LinearHead(const Options&, const HeadParts& parts)
      : linear_(make_linear_zero_bias(parts.dim, parts.num_classes, parts.key, parts.device)) {}

  [[nodiscard]] Tensor logits(const Tensor& features) const override { return linear_(features); }
  void tensors(TensorVisitor& visitor) override { linear_.tensors(visitor); }

 private:
  Linear linear_;
};

const RegisterHead<LinearHead> kRegistered{"linear", "linear layer, bias from zero", "baseline"};

}  // namespace
}  // namespace cl
