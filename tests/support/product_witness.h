// What LibTorch itself multiplies: the truth that counted operations are held to.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/record_function.h>

#include "core/base/error.h"
#include "core/nn/flops.h"
#include "tests/support/catch.h"

namespace cl::testing {

/// Adds up the operations, twice the multiplications, of all matrix products and convolutions that
/// LibTorch is asked for as long as this lives, forward and backward, whoever asks, on whatever
/// thread. One at a time.
class ProductWitness {
 public:
  ProductWitness() {
    total = 0;
    is_blind = false;
    handle_ = at::addGlobalCallback(
        at::RecordFunctionCallback(see).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
  }
  ~ProductWitness() { at::removeCallback(handle_); }
  ProductWitness(const ProductWitness&) = delete;
  ProductWitness& operator=(const ProductWitness&) = delete;

  /// @throws Error if there were products of a kind that it cannot judge
  [[nodiscard]] double flops() const {
    if (is_blind) throw Error("LibTorch has multiplied in a way that the witness does not know");
    return total;
  }

 private:
  inline static std::atomic<double> total = 0;
  inline static std::atomic<bool> is_blind = false;

  static double size(int64_t number) { return static_cast<double>(number); }

  static double matrices(const at::Tensor& a, const at::Tensor& b) {
    return 2 * size(a.numel()) * size(b.dim() == 1 ? 1 : b.size(-1));
  }

  /// For each of the values of the maps, all weights of its channel.
  static double convolution(int64_t values, const at::Tensor& weight) {
    return 2 * size(values) * size(weight.numel() / weight.size(0));
  }

  /// @param steps, padding  in either direction, one number for both where they are equal
  static int64_t num_values(const at::Tensor& x, const at::Tensor& weight,
                            const std::vector<int64_t>& steps,
                            const std::vector<int64_t>& padding) {
    const auto along = [&](int64_t axis, int64_t step, int64_t added) {
      return (x.size(axis) + 2 * added - weight.size(axis)) / step + 1;
    };
    return x.size(0) * weight.size(0) * along(2, steps.front(), padding.front()) *
           along(3, steps.back(), padding.back());
  }

  static std::unique_ptr<at::ObserverContext> see(const at::RecordFunction& function) {
    const std::string_view name = function.name();
    const auto inputs = function.inputs();
    const auto tensor = [&](size_t i) { return inputs[i].toTensor(); };
    if (name == "aten::mm" || name == "aten::bmm" || name == "aten::mv" || name == "aten::dot") {
      total += matrices(tensor(0), tensor(1));
    } else if (name == "aten::addmm" || name == "aten::addmm_" || name == "aten::baddbmm" ||
               name == "aten::baddbmm_" || name == "aten::_addmm_activation" ||
               name == "aten::addmv") {  // not addmv_, which mv calls within
      total += matrices(tensor(1), tensor(2));
    } else if (name == "aten::convolution") {
      const std::vector<int64_t> steps = inputs[3].toIntVector(), padding = inputs[4].toIntVector();
      total += convolution(num_values(tensor(0), tensor(1), steps, padding), tensor(1));
    } else if (name == "aten::convolution_backward") {
      const auto wanted = inputs[10].toBoolList();
      const double of_one = convolution(tensor(0).numel(), tensor(2));
      total += of_one * ((wanted[0] ? 1 : 0) + (wanted[1] ? 1 : 0));
    } else if (name.starts_with("aten::_scaled_dot_product") || name.starts_with("aten::addbmm") ||
               name.starts_with("aten::mkldnn_linear")) {
      is_blind = true;
    }
    return nullptr;
  }

  at::CallbackHandle handle_;
};

/// Operations that LibTorch is not asked for: attention by heads calls its BLAS.
struct Unseen {
  double forward = 0, backward = 0;
};

/// Holds what is counted of `forward`, and of the backward pass from the sum of what it returns, to
/// what LibTorch does.
inline void check_counted(const std::function<at::Tensor()>& forward, const Unseen& unseen = {}) {
  const ProductWitness witness;
  at::Tensor sum;
  const auto [ahead, back] = flops_of([&] { sum = forward().sum(); });
  const double seen_ahead = witness.flops();
  CHECK(seen_ahead + unseen.forward == ahead);
  sum.backward();
  CHECK(witness.flops() - seen_ahead + unseen.backward == back);
}

}  // namespace cl::testing
