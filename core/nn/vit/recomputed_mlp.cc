#include "core/nn/vit/recomputed_mlp.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/base/check.h"
#include "core/nn/flops.h"

namespace cl::vit {
namespace {

using torch::autograd::AutogradContext, torch::autograd::variable_list;

class RecomputedMlp : public torch::autograd::Function<RecomputedMlp> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& normed, const Tensor& x,
                        const LayerNorm& norm, const Linear& fc1, const Linear& fc2) {
    context->save_for_backward({x, norm.weight, norm.bias, fc1.weight, fc1.bias, fc2.weight});
    context->saved_data["eps"] = norm.eps;
    const at::AutoDispatchBelowADInplaceOrView no_recording;
    Tensor hidden = fc1(normed);
    return fc2(at::gelu_(hidden));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    CL_CHECK(!c10::GradMode::is_enabled(), "a recomputed MLP is differentiated once only");
    const variable_list saved = context->get_saved_variables();
    const LayerNorm norm{saved[1], saved[2], context->saved_data["eps"].toDouble()};
    const Linear fc1{saved[3], saved[4]};
    FlopCount counted_ahead;
    const FlopScope uncounted(counted_ahead);
    Tensor hidden = fc1(norm(saved[0]));
    const Tensor of_active = product(gradients[0], saved[5]);
    at::gelu_backward_out(hidden, of_active, hidden);  // element by element, so in place
    return {product(hidden, fc1.weight), Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

bool can_recompute(const LayerNorm& norm, const Linear& fc1, const Linear& fc2) {
  const auto is_plain = [](const Tensor& parameter) {
    return !parameter.requires_grad() &&
           (parameter.scalar_type() == at::kFloat || parameter.scalar_type() == at::kDouble);
  };
  return is_plain(norm.weight) && is_plain(norm.bias) && is_plain(fc1.weight) &&
         is_plain(fc1.bias) && is_plain(fc2.weight) && is_plain(fc2.bias);
}

Tensor recomputed_mlp(const Tensor& normed, const Tensor& x, const LayerNorm& norm,
                      const Linear& fc1, const Linear& fc2) {
  CL_CHECK(can_recompute(norm, fc1, fc2));
  const double flops = 2 * static_cast<double>(normed.numel());
  for (const Linear* layer : {&fc1, &fc2}) {  // both have as many operations
    count_product(flops * static_cast<double>(fc1.weight.size(0)), normed, layer->weight);
  }
  FlopCount done_inside;
  const FlopScope uncounted(done_inside);
  // The graph reaches x through `normed`.
  return RecomputedMlp::apply(normed, x.detach(), norm, fc1, fc2);
}

}  // namespace cl::vit
