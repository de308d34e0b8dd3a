#include "core/metrics/accuracy_matrix.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"

namespace cl {

AccuracyMatrix::AccuracyMatrix(int64_t num_experiences) : size_(num_experiences) {
  CL_CHECK(num_experiences >= 0, "found {} experiences", num_experiences);
  values_.assign(static_cast<size_t>(size_ * size_), kUndefined);
  excluded_.assign(static_cast<size_t>(size_), false);
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

void AccuracyMatrix::exclude(int64_t on) {
  CL_CHECK(0 <= on && on < size_, "experience {} of an accuracy matrix of size {}", on, size_);
  excluded_[static_cast<size_t>(on)] = true;
}

template <class Value>
double AccuracyMatrix::mean(int64_t end, const Value& value) const {
  double sum = 0;
  int64_t count = 0;
  for (int64_t on = 0; on < end; ++on) {
    if (excluded_[static_cast<size_t>(on)]) continue;
    sum += value(on);
    ++count;
  }
  return sum / static_cast<double>(count);  // 0 / 0 for none
}

double AccuracyMatrix::average_accuracy(int64_t after) const {
  return mean(after + 1, [&](int64_t on) { return at(after, on); });
}

double AccuracyMatrix::average_accuracy(int64_t after, const std::vector<int64_t>& num_test) const {
  CL_CHECK(static_cast<int64_t>(num_test.size()) == size_, "{} test sizes for {} experiences",
           num_test.size(), size_);
  double correct = 0;
  double total = 0;
  for (int64_t on = 0; on <= after; ++on) {
    if (excluded_[static_cast<size_t>(on)]) continue;
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
  return mean(after, [&](int64_t on) {
    double best = at(on, on);
    for (int64_t earlier = on + 1; earlier < after; ++earlier) {
      const double accuracy = at(earlier, on);
      if (std::isnan(accuracy)) return kUndefined;  // std::max would pass over it
      best = std::max(best, accuracy);
    }
    return best - at(after, on);
  });
}

double AccuracyMatrix::backward_transfer() const {
  if (size_ < 2) return kUndefined;
  return mean(size_ - 1, [&](int64_t on) { return at(size_ - 1, on) - at(on, on); });
}

double AccuracyMatrix::learning_accuracy() const {
  return mean(size_, [&](int64_t i) { return at(i, i); });
}

}  // namespace cl
