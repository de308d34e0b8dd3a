// Cosine classifier: the angle to one direction a class, times a learned scale.
//
// Without lengths and biases no class can win merely by having been trained last: logits are
// sigma cos(f, w_c) (Hou et al. 2019, eq. 2), with one sigma for all classes.
#include <ATen/ops/ones.h>

#include "core/nn/flops.h"
#include "core/nn/heads/head.h"
#include "core/nn/layers.h"

namespace cl {
namespace {

class CosineHead final : public Head {
 public:
  struct Options {
    void fields(config::Fields&) {}
  };

  CosineHead(const Options&, const HeadParts& parts)
      : weight_(
            make_linear_zero_bias(parts.dim, parts.num_classes, parts.key, parts.device).weight),
        sigma_(at::ones({1}, at::TensorOptions(at::kFloat).device(parts.device))
                   .set_requires_grad(true)) {}

  [[nodiscard]] Tensor logits(const Tensor& features) const override {
    return product(unit_length(features), unit_length(weight_).t()).mul(sigma_);
  }
  void tensors(TensorVisitor& visitor) override {
    visitor.parameter("weight", weight_);
    visitor.parameter("sigma", sigma_);
  }

 private:
  Tensor weight_;  // [num_classes, dim]
  Tensor sigma_;   // [1]
};

const RegisterHead<CosineHead> kRegistered{
    "cosine", "scaled cosine to one direction a class",
    "Hou et al. 2019, Learning a Unified Classifier Incrementally via Rebalancing, sec. 3.2"};

}  // namespace
}  // namespace cl
