// SHA-256 of data, as it comes in pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "core/base/sha256.h"

namespace cl {

/// Names content: equal pieces in equal order give equal digests. Each piece is set apart by its
/// length, so "ab", "c" differs from "a", "bc".
class ContentDigest {
 public:
  void add(std::span<const std::byte> bytes);
  void add(std::string_view text);
  void add(std::span<const int64_t> numbers);
  /// The content of a file, read in chunks. @throws Error if it cannot be read
  void add_file(const std::filesystem::path& file);

  /// The first 16 hexadecimal digits; nothing can be added afterwards.
  [[nodiscard]] std::string hex() { return hash_.hex(); }

 private:
  Sha256 hash_;
};

}  // namespace cl
