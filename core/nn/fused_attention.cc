#include "core/nn/fused_attention.h"

#if __has_include(<ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>)

#include <tuple>

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/base/check.h"

namespace cl {
namespace {

using torch::autograd::AutogradContext, torch::autograd::variable_list;

/// [N, T, heads * head dim] -> [N, heads, T, head dim], without a copy.
Tensor by_head(const Tensor& tokens, int64_t heads) {
  return tokens.unflatten(-1, {heads, -1}).transpose(1, 2);
}

/// Queries (0), keys (1) or values (2).
Tensor third(const Tensor& projected, int64_t part, int64_t heads) {
  const int64_t dim = projected.size(2) / 3;
  return by_head(projected.narrow(2, part * dim, dim), heads);
}

class FusedAttention : public torch::autograd::Function<FusedAttention> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& projected, int64_t heads) {
    const at::AutoDispatchBelowADInplaceOrView no_recording;
    const auto [result, normaliser] = at::_scaled_dot_product_flash_attention_for_cpu(
        third(projected, 0, heads), third(projected, 1, heads), third(projected, 2, heads));
    context->save_for_backward({projected, result, normaliser});
    context->saved_data["heads"] = heads;
    return result.transpose(1, 2).flatten(2);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    CL_CHECK(!c10::GradMode::is_enabled(), "attention is differentiated once only");
    const variable_list saved = context->get_saved_variables();
    const int64_t heads = context->saved_data["heads"].toInt();
    const Tensor& projected = saved[0];
    const auto of_thirds = at::_scaled_dot_product_flash_attention_for_cpu_backward(
        by_head(gradients[0].contiguous(), heads), third(projected, 0, heads),
        third(projected, 1, heads), third(projected, 2, heads), saved[1], saved[2],
        /*dropout_p=*/0, /*is_causal=*/false);
    const auto as_tokens = [](const Tensor& of_third) { return of_third.transpose(1, 2); };
    const Tensor side_by_side =
        at::stack({as_tokens(std::get<0>(of_thirds)), as_tokens(std::get<1>(of_thirds)),
                   as_tokens(std::get<2>(of_thirds))},
                  2);
    return {side_by_side.flatten(2), Tensor()};
  }
};

}  // namespace

bool has_fused_attention(const Tensor& projected) {
  return projected.is_cpu() &&
         (projected.scalar_type() == at::kFloat || projected.scalar_type() == at::kBFloat16);
}

Tensor fused_attention(const Tensor& projected, int64_t heads) {
  return FusedAttention::apply(projected, heads);
}

}  // namespace cl

#else

#include "core/base/error.h"

namespace cl {

bool has_fused_attention(const Tensor& /*projected*/) {
  return false;
}

Tensor fused_attention(const Tensor& /*projected*/, int64_t /*heads*/) {
  throw InternalError("this LibTorch has no fused attention");
}

}  // namespace cl

#endif
