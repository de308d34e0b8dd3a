#include "core/metrics/accuracy_matrix.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/check.h"

namespace cl {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

}  // namespace

AccuracyMatrix::AccuracyMatrix(int64_t num_experiences) : size_(num_experiences) {
  CL_CHECK(num_experiences >= 0, "found {} experiences", num_experiences);
  values_.assign(static_cast<size_t>(size_ * size_), kUndefined);
}

void AccuracyMatrix::set(int64_t after, int64_t on, double accuracy) {
  CL_CHECK(0 <= after && after < size_ && 0 <= on && on < size_,
           "entry ({}, {}) of an accuracy matrix of size {}", after, on, size_);
  CL_CHECK(accuracy >= 0 && accuracy <= 1, "accuracy {} is outside [0, 1]", accuracy);
  values_[static_cast<size_t>(after * size_ + on)] = accuracy;
}

double AccuracyMatrix::at(int64_t after, int64_t on) const {
  CL_CHECK(0 <= after && after < size_ && 0 <= on && on < size_,
           "entry ({}, {}) of an accuracy matrix of size {}", after, on, size_);
  return values_[static_cast<size_t>(after * size_ + on)];
}

double AccuracyMatrix::average_accuracy(int64_t after) const {
  double sum = 0;
  for (int64_t on = 0; on <= after; ++on) sum += at(after, on);
  return sum / static_cast<double>(after + 1);
}

double AccuracyMatrix::average_accuracy(int64_t after, const std::vector<int64_t>& num_test) const {
  CL_CHECK(static_cast<int64_t>(num_test.size()) == size_, "{} test sizes for {} experiences",
           num_test.size(), size_);
  double correct = 0;
  double total = 0;
  for (int64_t on = 0; on <= after; ++on) {
    const auto weight = static_cast<double>(num_test[static_cast<size_t>(on)]);
    correct += weight * at(after, on);
    total += weight;
  }
  return correct / total;
}

double AccuracyMatrix::average_incremental_accuracy() const {
  double sum = 0;
  for (int64_t after = 0; after < size_; ++after) sum += average_accuracy(after);
  return sum / static_cast<double>(size_);
}

double AccuracyMatrix::average_incremental_accuracy(const std::vector<int64_t>& num_test) const {
  double sum = 0;
  for (int64_t after = 0; after < size_; ++after) sum += average_accuracy(after, num_test);
  return sum / static_cast<double>(size_);
}

double AccuracyMatrix::forgetting(int64_t after) const {
  double sum = 0;
  for (int64_t on = 0; on < after; ++on) {
    double best = at(on, on);
    for (int64_t earlier = on + 1; earlier < after; ++earlier) {
      const double accuracy = at(earlier, on);
      if (std::isnan(accuracy)) return kUndefined;  // std::max would pass over it
      best = std::max(best, accuracy);
    }
    sum += best - at(after, on);
  }
  return sum / static_cast<double>(after);  // 0 / 0 for the first experience
}

double AccuracyMatrix::backward_transfer() const {
  double sum = 0;
  for (int64_t on = 0; on + 1 < size_; ++on) sum += at(size_ - 1, on) - at(on, on);
  return size_ < 2 ? kUndefined : sum / static_cast<double>(size_ - 1);
}

double AccuracyMatrix::learning_accuracy() const {
  double sum = 0;
  for (int64_t i = 0; i < size_; ++i) sum += at(i, i);
  return sum / static_cast<double>(size_);
}

}  // namespace cl
