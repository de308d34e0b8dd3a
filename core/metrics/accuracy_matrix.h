// Accuracy on every experience after every experience, and the numbers the field reads from it.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace cl {

/// What a metric is where it has no value.
inline constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

/// R[i][j]: accuracy on the test data of experience j after learning experience i; both 0-based,
/// NaN until set.
/// @source Lopez-Paz and Ranzato 2017, "Gradient Episodic Memory", sec. 2
class AccuracyMatrix {
 public:
  explicit AccuracyMatrix(int64_t num_experiences);

  /// @param accuracy  in [0, 1]
  void set(int64_t after, int64_t on, double accuracy);
  /// Experience `on` has nothing to be tested on: all means pass over it.
  void exclude(int64_t on);
  [[nodiscard]] double at(int64_t after, int64_t on) const;
  [[nodiscard]] int64_t size() const { return size_; }

  /// Mean of R[after][0..after]: every experience counts the same (macro). @return NaN where an
  /// entry is missing
  [[nodiscard]] double average_accuracy(int64_t after) const;
  /// The same weighted by the number of test samples of each experience (micro), as PILOT prints
  /// it.
  [[nodiscard]] double average_accuracy(int64_t after, const std::vector<int64_t>& num_test) const;
  /// Mean over i of average_accuracy(i): the field's A-bar.
  /// @source Rebuffi et al. 2017, "iCaRL", sec. 4
  [[nodiscard]] double average_incremental_accuracy() const;
  [[nodiscard]] double average_incremental_accuracy(const std::vector<int64_t>& num_test) const;
  /// Mean drop from each experience's best earlier accuracy, over experiences learned before
  /// `after`. Not clipped.
  /// @return in [-1, 1], higher = more forgotten; NaN for after = 0, where it is undefined
  /// @source Chaudhry et al. 2018, "Riemannian Walk", sec. 3.1 (maximum from the time an experience
  /// was learned)
  [[nodiscard]] double forgetting(int64_t after) const;
  /// Mean of R[last][i] - R[i][i] over all experiences but the last; NaN for a single one.
  /// @source Lopez-Paz and Ranzato 2017, sec. 2
  [[nodiscard]] double backward_transfer() const;
  /// Mean of the diagonal: how well each experience was learned when it came.
  [[nodiscard]] double learning_accuracy() const;

 private:
  /// Mean of `value(on)` over the experiences in [0, end) that are not excluded; NaN if none is.
  template <class Value>
  [[nodiscard]] double mean(int64_t end, const Value& value) const;

  int64_t size_;
  std::vector<double> values_;  // row-major [size, size]
  std::vector<bool> excluded_;  // [size]
};

}  // namespace cl
