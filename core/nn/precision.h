// Lower precision for matrix products, where a caller asks for it.
#pragma once

#include <functional>

#include "core/weights/tensor_visitor.h"

namespace cl {

/// Whether the processor has instructions with which LibTorch's bfloat16 products beat those in
/// float32: AVX-512 BF16, beside the parts of AVX-512 without which LibTorch does not hand them to
/// oneDNN at all. Without them they can take twenty times as long.
[[nodiscard]] bool has_fast_bfloat16();

namespace internal {
using Visit = std::function<void(TensorVisitor&)>;
void hold_products_in_bfloat16(const Visit& visit);
bool holds_products_in_bfloat16(const Visit& visit);
}  // namespace internal

/// Rounds the weights of matrix products and convolutions (tensors "*.weight" of two axes and more,
/// with their "*.bias") to bfloat16, which they are held in from then on: they must be frozen.
/// Norms, positions and class tokens stay, and so does the head that came with the weights
/// ("head.*"). Once done, doing it again changes nothing.
template <TensorModule M>
void hold_products_in_bfloat16(M& module) {
  internal::hold_products_in_bfloat16([&](TensorVisitor& visitor) { module.tensors(visitor); });
}

/// Whether that was done.
template <TensorModule M>
[[nodiscard]] bool holds_products_in_bfloat16(M& module) {
  return internal::holds_products_in_bfloat16(
      [&](TensorVisitor& visitor) { module.tensors(visitor); });
}

/// In this scope and thread, CPU matrix products and convolutions run in bfloat16 (LibTorch's
/// autocast) if `enabled`.
class Bfloat16Scope {
 public:
  explicit Bfloat16Scope(bool enabled);
  ~Bfloat16Scope();
  Bfloat16Scope(const Bfloat16Scope&) = delete;
  Bfloat16Scope& operator=(const Bfloat16Scope&) = delete;

 private:
  bool enabled_;
};

}  // namespace cl
