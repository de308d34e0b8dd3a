// SHA-256, whole or cut to the length of our names.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace cl {

/// Takes bytes as they come; only their sequence counts, not how it was cut.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(const void* bytes, size_t size);
  static constexpr size_t kNameDigits = 16;
  static constexpr size_t kAllDigits = 64;

  /// The first `num_digits` hexadecimal digits (an even number); nothing can be added afterwards.
  [[nodiscard]] std::string hex(size_t num_digits = kNameDigits);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace cl
