// Randomness as a value: a key names a purpose, and what is drawn under it depends on nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string_view>
#include <vector>

namespace cl {

/// An immutable key into randomness. A child depends on the names leading to it, never on call
/// order, so parallel and serial programs draw the same numbers. The names are part of the results:
/// renaming one changes them.
class RngKey {
 public:
  explicit RngKey(uint64_t seed);

  [[nodiscard]] RngKey child(std::string_view purpose) const;
  [[nodiscard]] RngKey child(uint64_t index) const;

  /// 64 well-mixed bits that identify this key (a seed for a library's generator, or part of a
  /// cache key).
  [[nodiscard]] uint64_t bits() const { return state_; }
  [[nodiscard]] std::mt19937_64 engine() const { return std::mt19937_64(state_); }

  friend bool operator==(const RngKey&, const RngKey&) = default;

 private:
  uint64_t state_ = 0;
};

/// The child of a key that may be missing.
template <class Name>
[[nodiscard]] std::optional<RngKey> child(const std::optional<RngKey>& key, const Name& name) {
  return key ? std::optional(key->child(name)) : std::nullopt;
}

// Portable draws: the same engine gives the same numbers with every standard library (std
// distributions do not).

/// A uniform number in [0, 1) with 53 random bits.
double uniform(std::mt19937_64& engine);
/// A uniform integer in [0, bound), without modulo bias; `bound` >= 1.
int64_t uniform_index(std::mt19937_64& engine, int64_t bound);
/// A standard normal number (Box-Muller).
double normal(std::mt19937_64& engine);
/// A uniformly drawn order of 0..size-1 (Fisher-Yates from the top).
std::vector<int64_t> permutation(const RngKey& key, int64_t size);

}  // namespace cl
