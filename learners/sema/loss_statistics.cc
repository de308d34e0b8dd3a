#include "learners/sema/loss_statistics.h"

#include <algorithm>
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "core/base/check.h"

namespace cl::sema {

namespace {
// Fewer errors than this say nothing about what is usual (authors' programme).
constexpr int64_t kMinErrors = 3;
}  // namespace

LossStatistics::LossStatistics(int64_t window)
    : window_(window),
      recent_(at::zeros({window}, at::kFloat)),
      length_(at::zeros({}, at::kLong)),
      updating_(at::ones({}, at::kLong)),
      mean_(at::zeros({}, at::kDouble)),
      variance_(at::zeros({}, at::kDouble)) {}

void LossStatistics::add(const Tensor& errors) {
  CL_CHECK(errors.dim() == 1, "errors have {} axes", errors.dim());
  if (frozen() || errors.size(0) == 0) return;
  const Tensor values = errors.detach().to(at::kCPU, at::kFloat);
  if (window_ == 0) {
    accumulate(values);
  } else {
    keep(values);
  }
}

void LossStatistics::keep(const Tensor& errors) {
  const int64_t before = length();
  if (before < window_) {
    const int64_t taken = std::min(window_ - before, errors.size(0));
    recent_.narrow(0, before, taken).copy_(errors.narrow(0, 0, taken));
    length_.fill_(before + taken);
  } else {
    const Tensor all = at::cat({recent_, errors});
    recent_.copy_(all.narrow(0, errors.size(0), window_));
  }
  const Tensor known = recent();
  mean_.fill_(known.mean().item<double>());
  variance_.fill_(known.var().item<double>());
}

// Chan, Golub and LeVeque 1979: moments of a union from those of its parts.
void LossStatistics::accumulate(const Tensor& errors) {
  const Tensor values = errors.to(at::kDouble);
  const auto before = static_cast<double>(length());
  const auto added = static_cast<double>(values.size(0));
  const double added_mean = values.mean().item<double>();
  const double added_squares = (values - added_mean).square().sum().item<double>();
  const double shift = added_mean - mean();
  const double total = before + added;
  const double squares = variance_.item<double>() * std::max(before - 1, 0.0) + added_squares +
                         shift * shift * before * added / total;
  mean_.fill_(mean() + shift * added / total);
  variance_.fill_(squares / std::max(total - 1, 1.0));
  length_.fill_(length() + values.size(0));
}

Tensor LossStatistics::zscores(const Tensor& errors) const {
  if (length() < kMinErrors) return errors.new_zeros(errors.sizes());
  return (errors - mean()) / standard_deviation();
}

void LossStatistics::freeze() {
  updating_.fill_(0);
}

bool LossStatistics::frozen() const {
  return updating_.item<int64_t>() == 0;
}

int64_t LossStatistics::length() const {
  return length_.item<int64_t>();
}

double LossStatistics::mean() const {
  return mean_.item<double>();
}

double LossStatistics::standard_deviation() const {
  return std::sqrt(variance_.item<double>());
}

Tensor LossStatistics::recent() const {
  return recent_.narrow(0, 0, std::min(length(), window_));
}

void LossStatistics::tensors(TensorVisitor& visitor) {
  visitor.buffer("recent", recent_);
  visitor.buffer("length", length_);
  visitor.buffer("updating", updating_);
  visitor.buffer("mean", mean_);
  visitor.buffer("variance", variance_);
}

}  // namespace cl::sema
