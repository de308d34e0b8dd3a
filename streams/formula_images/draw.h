// Draws from one engine, in the forms that the image formulae need.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <random>

#include "core/base/rng.h"

namespace cl::formula {

/// A sequence of draws; the order of calls matters, so each image has its own.
class Draw {
 public:
  explicit Draw(const RngKey& key) : engine_(key.engine()) {}

  double uniform(double low, double high) { return low + (high - low) * cl::uniform(engine_); }
  double normal(double mean, double std) { return mean + std * cl::normal(engine_); }
  /// An integer in [low, high], both included.
  int64_t integer(int64_t low, int64_t high) {
    return low + uniform_index(engine_, high - low + 1);
  }
  bool chance(double probability) { return cl::uniform(engine_) < probability; }
  /// An index with the given probabilities, which sum to one.
  int64_t choose(std::initializer_list<double> probabilities) {
    double rest = cl::uniform(engine_);
    int64_t index = 0;
    for (const double p : probabilities) {
      if (rest < p) return index;
      rest -= p;
      ++index;
    }
    return index - 1;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace cl::formula
