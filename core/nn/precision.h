// Lower precision for matrix products, where a caller asks for it.
#pragma once

namespace cl {

/// Whether the processor has instructions with which LibTorch's bfloat16 products beat those in
/// float32. Without them they can take twenty times as long.
[[nodiscard]] bool has_fast_bfloat16();

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
