#include "core/base/rng.h"

#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "core/base/check.h"

namespace cl {
namespace {

constexpr uint64_t kGamma = 0x9e3779b97f4a7c15;  // SplitMix64's increment, 2^64 / golden ratio

// Starting points that keep seeds, names and indices apart: child("1") is not child(1).
constexpr uint64_t kSeedDomain = 0x736565640000001f;
constexpr uint64_t kNameDomain = 0x6e616d650000002f;
constexpr uint64_t kIndexDomain = 0x696e64650000003d;

/// The output function of SplitMix64, a bijection.
/// @source Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators"
constexpr uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/// A state that depends on all of `state` and `word`; distinct words give distinct results.
constexpr uint64_t absorb(uint64_t state, uint64_t word) {
  return mix(state + kGamma * (word + 1));
}

}  // namespace

RngKey::RngKey(uint64_t seed) : state_(absorb(kSeedDomain, seed)) {}

RngKey RngKey::child(std::string_view purpose) const {
  RngKey result = *this;
  result.state_ = absorb(state_ ^ kNameDomain, purpose.size());
  for (const char c : purpose) {
    result.state_ = absorb(result.state_, static_cast<unsigned char>(c));
  }
  return result;
}

RngKey RngKey::child(uint64_t index) const {
  RngKey result = *this;
  result.state_ = absorb(mix(state_ ^ kIndexDomain), index);
  return result;
}

double uniform(std::mt19937_64& engine) {
  return static_cast<double>(engine() >> 11) * 0x1.0p-53;
}

int64_t uniform_index(std::mt19937_64& engine, int64_t bound) {
  CL_CHECK(bound >= 1, "bound {}", bound);
  const auto limit = static_cast<uint64_t>(bound);
  // Drawing below the next power of two and rejecting is exact, and takes under two draws on
  // average.
  const uint64_t mask = std::bit_ceil(limit) - 1;
  uint64_t draw = engine() & mask;
  while (draw >= limit) draw = engine() & mask;
  return static_cast<int64_t>(draw);
}

double normal(std::mt19937_64& engine) {
  const double radius = std::sqrt(-2 * std::log(1 - uniform(engine)));  // 1 - u > 0: log is finite
  const double angle = 2 * std::numbers::pi * uniform(engine);
  return radius * std::cos(angle);
}

std::vector<int64_t> permutation(const RngKey& key, int64_t size) {
  CL_CHECK(size >= 0, "size {}", size);
  std::vector<int64_t> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), int64_t{0});
  auto engine = key.engine();
  for (int64_t i = size - 1; i > 0; --i) {
    const int64_t j = uniform_index(engine, i + 1);
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(j)]);
  }
  return order;
}

}  // namespace cl
