#include "core/nn/attention_by_heads.h"

#include <algorithm>
#include <cmath>

#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/_softmax.h>
#include <ATen/ops/_softmax_backward_data.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/base/check.h"
#include "core/nn/small_products.h"

#ifndef INTRA_OP_PARALLEL
#error "at::parallel_for would run on one thread: compile this file with OpenMP"
#endif

namespace cl {
namespace {

using torch::autograd::AutogradContext, torch::autograd::variable_list;

/// Heads whose matrices [T, T] together take no more than this are gone through side by side, one
/// operation after the other: what LibTorch needs to begin one is then shared. They stay in a
/// thread's cache.
constexpr int64_t kBytesTogether = int64_t{64} << 10;

/// Values in one vector of LibTorch's loops.
int64_t vector_length() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") != 0) return 16;
#endif
  return 8;
}

/// Rows of weights are as long as a whole number of vectors, since LibTorch takes the rest of a row
/// value by value: a softmax of 17 is three times faster in 24 columns. The columns beyond T have a
/// score of minus infinity, a weight of 0 and a gradient of 0, which change no bit of a sum.
int64_t row_length(int64_t num_tokens) {
  static const int64_t vector = vector_length();
  return (num_tokens + vector - 1) / vector * vector;
}

/// The matrices [T, head dim] of queries, keys, values or results inside tokens
/// [N, T, parts * heads * head dim].
template <class T>
class HeadMatrices {
 public:
  /// @param tokens  contiguous
  HeadMatrices(const Tensor& tokens, int64_t parts, int64_t heads)
      : values_(tokens.data_ptr<T>()),
        heads_(heads),
        num_tokens_(tokens.size(1)),
        row_(tokens.size(2)),
        head_dim_(row_ / (parts * heads)) {}

  /// @param index  of head `index % heads` of sample `index / heads`
  [[nodiscard]] Matrix<T> at(int64_t part, int64_t index) const {
    const int64_t sample = index / heads_, head = index % heads_;
    T* const first = values_ + sample * num_tokens_ * row_ + (part * heads_ + head) * head_dim_;
    return {first, num_tokens_, head_dim_, row_};
  }
  [[nodiscard]] T scale() const {
    return static_cast<T>(1 / std::sqrt(static_cast<double>(head_dim_)));
  }

 private:
  T* values_;
  int64_t heads_, num_tokens_, row_, head_dim_;
};

/// A group of heads, [first, first + size).
struct Group {
  int64_t first, size;
};

/// Matrices [T, T] of a group of heads.
template <class T>
class Squares {
 public:
  /// @param rows  [group size, T, row_length(T)], contiguous
  explicit Squares(Tensor rows) : rows_(std::move(rows)), values_(rows_.data_ptr<T>()) {}

  [[nodiscard]] Matrix<T> at(int64_t i) const {
    const int64_t side = rows_.size(1), length = rows_.size(2);
    return {values_ + i * side * length, side, side, length};
  }
  /// With the columns beyond T.
  [[nodiscard]] Tensor& rows() { return rows_; }

 private:
  Tensor rows_;
  T* values_;
};

template <class T>
Matrix<const T> read(const Matrix<T>& matrix) {
  return {matrix.values, matrix.rows, matrix.columns, matrix.stride, matrix.is_transposed};
}

/// What a thread writes into for a group of heads, [group size, T, row_length(T)] each.
struct Scratch {
  Tensor scores, weights, gradients;

  [[nodiscard]] Scratch first(int64_t size) const {
    return {scores.narrow(0, 0, size), weights.narrow(0, 0, size), gradients.narrow(0, 0, size)};
  }
};

/// Calls body(group, scratch) for all heads of all samples. The threads are those of LibTorch's
/// operations, as this is one, not those of cl::parallel_for.
template <class Body>
void for_each_group(const Tensor& projected, int64_t heads, const Body& body) {
  const int64_t side = projected.size(1), length = row_length(side);
  const int64_t bytes = side * length * static_cast<int64_t>(projected.element_size());
  const int64_t most = std::max<int64_t>(1, kBytesTogether / std::max<int64_t>(bytes, 1));
  at::parallel_for(0, projected.size(0) * heads, 1, [&](int64_t begin, int64_t end) {
    const at::AutoDispatchBelowADInplaceOrView no_recording;
    const int64_t size = std::min(most, end - begin);
    const auto filled = [&](double value) {
      return at::full({size, side, length}, value, projected.options());
    };
    const Scratch scratch{filled(-HUGE_VAL), filled(0), filled(0)};
    for (int64_t first = begin; first < end; first += size) {
      const Group group{first, std::min(size, end - first)};
      body(group, scratch.first(group.size));
    }
  });
}

/// weights = softmax(scale q k^T), by way of `scores`.
template <class T>
void softmax_weights(const HeadMatrices<T>& in, const Group& group, Squares<T> scores,
                     Squares<T>& weights) {
  for (int64_t i = 0; i < group.size; ++i) {
    const Matrix<T> q = in.at(0, group.first + i), k = in.at(1, group.first + i);
    write_product(scores.at(i), read(q), read(k).t(), in.scale());
  }
  at::_softmax_out(weights.rows(), scores.rows(), -1, /*half_to_float=*/false);
}

/// The group's part of the weights of all heads, where they are kept.
template <class T>
Squares<T> weights_of(const Group& group, const Tensor& kept, const Scratch& scratch) {
  return Squares<T>(kept.defined() ? kept.narrow(0, group.first, group.size) : scratch.weights);
}

/// @param kept  where all weights are to stay [N * heads, T, row_length(T)], or undefined
template <class T>
void forward(const Tensor& projected, int64_t heads, const Tensor& kept, const Tensor& result) {
  const HeadMatrices<T> in(projected, 3, heads), out(result, 1, heads);
  for_each_group(projected, heads, [&](const Group& group, const Scratch& scratch) {
    Squares<T> weights = weights_of<T>(group, kept, scratch);
    softmax_weights(in, group, Squares<T>(scratch.scores), weights);
    for (int64_t i = 0; i < group.size; ++i) {
      write_product(out.at(0, group.first + i), read(weights.at(i)),
                    read(in.at(2, group.first + i)));
    }
  });
}

/// @param kept  as `forward` left it   @param of_result, of_projected  gradients, contiguous
template <class T>
void backward(const Tensor& projected, int64_t heads, const Tensor& kept, const Tensor& of_result,
              const Tensor& of_projected) {
  const HeadMatrices<T> in(projected, 3, heads), d_in(of_projected, 3, heads);
  const HeadMatrices<T> d_out(of_result, 1, heads);
  const T scale = in.scale();
  for_each_group(projected, heads, [&](const Group& group, const Scratch& scratch) {
    Squares<T> weights = weights_of<T>(group, kept, scratch), gradients(scratch.gradients);
    if (!kept.defined()) softmax_weights(in, group, Squares<T>(scratch.scores), weights);
    for (int64_t i = 0; i < group.size; ++i) {
      const int64_t head = group.first + i;
      const Matrix<const T> d = read(d_out.at(0, head));
      write_product(d_in.at(2, head), read(weights.at(i)).t(), d);
      write_product(gradients.at(i), d, read(in.at(2, head)).t());
    }
    // Those of weights become those of scores, in place.
    at::_softmax_backward_data_out(gradients.rows(), gradients.rows(), weights.rows(), -1,
                                   projected.scalar_type());
    for (int64_t i = 0; i < group.size; ++i) {
      const int64_t head = group.first + i;
      const Matrix<const T> d_scores = read(gradients.at(i));
      write_product(d_in.at(0, head), d_scores, read(in.at(1, head)), scale);
      write_product(d_in.at(1, head), d_scores.t(), read(in.at(0, head)), scale);
    }
  });
}

/// Weights are kept for the backward pass where they take no more than half of what is kept anyway,
/// and computed again where there are many tokens.
bool keeps_weights(const Tensor& projected, int64_t heads) {
  return 2 * row_length(projected.size(1)) * heads <= projected.size(2);
}

Tensor run_forward(const Tensor& projected, int64_t heads, const Tensor& kept) {
  Tensor result =
      at::empty({projected.size(0), projected.size(1), projected.size(2) / 3}, projected.options());
  const bool is_double = projected.scalar_type() == at::kDouble;
  (is_double ? forward<double> : forward<float>)(projected, heads, kept, result);
  return result;
}

class AttentionByHeads : public torch::autograd::Function<AttentionByHeads> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& projected, int64_t heads) {
    Tensor weights;
    if (keeps_weights(projected, heads)) {
      const int64_t side = projected.size(1);
      weights = at::empty({projected.size(0) * heads, side, row_length(side)}, projected.options());
    }
    context->save_for_backward({projected, weights});
    context->saved_data["heads"] = heads;
    return run_forward(projected, heads, weights);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    CL_CHECK(!c10::GradMode::is_enabled(), "attention is differentiated once only");
    const variable_list saved = context->get_saved_variables();
    const Tensor& projected = saved[0];
    const int64_t heads = context->saved_data["heads"].toInt();
    const Tensor of_projected = at::empty_like(projected);
    const bool is_double = projected.scalar_type() == at::kDouble;
    (is_double ? cl::backward<double> : cl::backward<float>)(projected, heads, saved[1],
                                                             gradients[0].contiguous(),
                                                             of_projected);
    return {of_projected, Tensor()};
  }
};

}  // namespace

Tensor attention_by_heads(const Tensor& projected, int64_t heads) {
  if (!projected.requires_grad() || !c10::GradMode::is_enabled()) {
    return run_forward(projected, heads, {});
  }
  return AttentionByHeads::apply(projected, heads);
}

}  // namespace cl
