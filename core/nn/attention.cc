#include "core/nn/attention.h"

#include <cmath>

#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/_softmax.h>
#include <ATen/ops/_softmax_backward_data.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/base/check.h"
#include "core/nn/flops.h"

#ifndef INTRA_OP_PARALLEL
#error "at::parallel_for would run on one thread: compile this file with OpenMP"
#endif

namespace cl {
namespace {

using torch::autograd::AutogradContext, torch::autograd::variable_list;

/// The matrices [T, head dim] that lie inside tokens [N, T, parts * heads * head dim].
class HeadMatrices {
 public:
  /// @param tokens  contiguous
  HeadMatrices(const Tensor& tokens, int64_t parts, int64_t heads)
      : tokens_(tokens),
        heads_(heads),
        num_tokens_(tokens.size(1)),
        row_(tokens.size(2)),
        head_dim_(row_ / (parts * heads)) {}

  [[nodiscard]] Tensor at(int64_t part, int64_t sample, int64_t head) const {
    const int64_t offset = sample * num_tokens_ * row_ + (part * heads_ + head) * head_dim_;
    return tokens_.as_strided({num_tokens_, head_dim_}, {row_, 1},
                              tokens_.storage_offset() + offset);
  }
  [[nodiscard]] double scale() const { return 1 / std::sqrt(static_cast<double>(head_dim_)); }

 private:
  Tensor tokens_;
  int64_t heads_, num_tokens_, row_, head_dim_;
};

/// out = factor * a b, all matrices.
void write_product(Tensor out, const Tensor& a, const Tensor& b, double factor = 1) {
  at::addmm_out(out, out, a, b, /*beta=*/0, factor);
}

/// Calls body(sample, head, a, b) for every head of every sample, with two matrices [T, T] to write
/// into. A head is one thread's from start to end: its matrices stay in that thread's cache. The
/// threads are those of LibTorch's operations, as this is one, not those of cl::parallel_for.
template <class Body>
void for_each_head(const Tensor& tokens, int64_t heads, const Body& body) {
  at::parallel_for(0, tokens.size(0) * heads, 1, [&](int64_t begin, int64_t end) {
    const at::AutoDispatchBelowADInplaceOrView no_recording;
    Tensor a = at::empty({tokens.size(1), tokens.size(1)}, tokens.options());
    Tensor b = at::empty_like(a);
    for (int64_t i = begin; i < end; ++i) body(i / heads, i % heads, a, b);
  });
}

/// weights = softmax(scale q k^T), by way of `scores`.
void softmax_weights(const Tensor& q, const Tensor& k, double scale, Tensor& scores,
                     Tensor& weights) {
  write_product(scores, q, k.t(), scale);
  at::_softmax_out(weights, scores, -1, /*half_to_float=*/false);
}

class SelfAttention : public torch::autograd::Function<SelfAttention> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& projected, int64_t heads) {
    context->save_for_backward({projected});
    context->saved_data["heads"] = heads;
    Tensor result = at::empty({projected.size(0), projected.size(1), projected.size(2) / 3},
                              projected.options());
    const HeadMatrices in(projected, 3, heads), out(result, 1, heads);
    for_each_head(projected, heads, [&](int64_t n, int64_t h, Tensor& scores, Tensor& weights) {
      softmax_weights(in.at(0, n, h), in.at(1, n, h), in.scale(), scores, weights);
      write_product(out.at(0, n, h), weights, in.at(2, n, h));
    });
    return result;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    CL_CHECK(!c10::GradMode::is_enabled(), "attention is differentiated once only");
    const Tensor projected = context->get_saved_variables()[0];
    const int64_t heads = context->saved_data["heads"].toInt();
    const Tensor of_result = gradients[0].contiguous();
    const Tensor of_projected = at::empty_like(projected);
    const HeadMatrices in(projected, 3, heads), d_in(of_projected, 3, heads);
    const HeadMatrices d_out(of_result, 1, heads);
    for_each_head(projected, heads, [&](int64_t n, int64_t h, Tensor& a, Tensor& b) {
      const Tensor q = in.at(0, n, h), k = in.at(1, n, h), d = d_out.at(0, n, h);
      Tensor& weights = b;
      softmax_weights(q, k, in.scale(), a, weights);
      write_product(d_in.at(2, n, h), weights.t(), d);
      Tensor& d_weights = a;
      write_product(d_weights, d, in.at(2, n, h).t());
      const Tensor d_scores =
          at::_softmax_backward_data(d_weights, weights, -1, projected.scalar_type());
      write_product(d_in.at(0, n, h), d_scores, k, in.scale());
      write_product(d_in.at(1, n, h), d_scores.t(), q, in.scale());
    });
    return {of_projected, Tensor()};
  }
};

/// `own` [N * heads, T, head dim] with the prefix [N, heads, P, head dim] before its tokens.
Tensor with_prefix(const Tensor& own, const Tensor& prefix) {
  return at::cat({prefix.flatten(0, 1), own}, 1);
}

/// Any device, type and prefix; all weights at once.
Tensor attention_by_batches(const Tensor& projected, int64_t heads,
                            const std::optional<Prefix>& prefix) {
  const int64_t n = projected.size(0), t = projected.size(1), dim = projected.size(2) / 3;
  const int64_t head_dim = dim / heads;
  // One copy puts each head's matrices side by side: [3, N, heads, T, head dim].
  const Tensor split = projected.view({n, t, 3, heads, head_dim})
                           .permute({2, 0, 3, 1, 4})
                           .reshape({3, n * heads, t, head_dim});
  Tensor keys = split.select(0, 1), values = split.select(0, 2);
  if (prefix) {
    keys = with_prefix(keys, prefix->key);
    values = with_prefix(values, prefix->value);
  }
  const double scale = 1 / std::sqrt(static_cast<double>(head_dim));
  const Tensor queries = split.select(0, 0).mul(scale);
  const Tensor weights = product(queries, keys.transpose(1, 2)).softmax(-1);  // [N*heads, T, P+T]
  const Tensor mixed = product(weights, values).view({n, heads, t, head_dim});
  return mixed.transpose(1, 2).reshape({n, t, dim});
}

}  // namespace

Tensor attention(const Tensor& projected, int64_t heads, const std::optional<Prefix>& prefix) {
  CL_CHECK(projected.size(2) % (3 * heads) == 0, "{} columns for {} heads", projected.size(2),
           heads);
  const bool is_full =
      projected.scalar_type() == at::kFloat || projected.scalar_type() == at::kDouble;
  if (prefix || !is_full || !projected.is_cpu()) {
    return attention_by_batches(projected, heads, prefix);
  }
  // Scores and mixture: two products, and in all of their factors are tokens.
  const auto pairs = static_cast<double>(projected.size(0) * projected.size(1) * projected.size(1));
  const double width = static_cast<double>(projected.size(2)) / 3;
  count_product(2 * 2 * pairs * width, projected, projected);
  return SelfAttention::apply(projected.contiguous(), heads);
}

}  // namespace cl
