// SHA-256, cut to the length of our names.
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
  /// The first 64 bits as 16 hexadecimal digits; nothing can be added afterwards.
  [[nodiscard]] std::string hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace cl
