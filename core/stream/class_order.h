// In which order the classes of a source appear, and how many at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/rng.h"
#include "core/config/fields.h"

namespace cl {

/// numpy's `np.random.seed(seed); np.random.permutation(size)` (the legacy generator), on which the
/// class orders of the published tables rest.
[[nodiscard]] std::vector<int64_t> numpy_permutation(uint32_t seed, int64_t size);

/// Options that a stream shows among its own.
struct ClassOrder {
  std::string class_order = "random";
  int64_t order_seed = 1993;
  std::vector<int64_t> order;

  void fields(config::Fields& fields);
  /// @param node  where these options stand
  /// @throws ConfigError if `order` is no permutation, or is given or missing against `class_order`
  void check(const config::Node& node) const;
  /// What can be told before the files are read.
  /// @param source  what has `num_classes` classes, for the message
  /// @throws ConfigError if `order` lists another number of classes
  void check_size(const config::Node& node, int64_t num_classes, std::string_view source) const;
  /// The source's class numbers in learning order: the new label of class c is its position.
  /// @param key  of the random order
  /// @throws Error if `order` lists another number of classes than there are
  [[nodiscard]] std::vector<int64_t> classes(int64_t num_classes, const RngKey& key) const;
};

/// Options that a stream shows among its own. "B0 Inc10" is {0, 10}, "B50 Inc5" is {50, 5}.
struct ClassIncrements {
  int64_t init_classes = 0;
  int64_t increment = 2;

  void fields(config::Fields& fields);
  void check(const config::Node& node) const;
  /// The number of classes of each experience.
  [[nodiscard]] std::vector<int64_t> sizes(int64_t num_classes) const;
};

/// `init` classes, then `increment` at a time, and what remains as a last, smaller experience.
/// @throws Error if `init` is more than there are
[[nodiscard]] std::vector<int64_t> class_splits(int64_t num_classes, int64_t init,
                                                int64_t increment);

}  // namespace cl
