#include "core/weights/finite.h"

#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include <ATen/ops/aminmax.h>
#include <ATen/ops/isfinite.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"

namespace cl {
namespace {

// How many tensors a message names before it only counts.
constexpr size_t kMostNamed = 10;

/// Looks at the smallest and the largest value first: one pass, and NaN is both.
int64_t num_strange(const Tensor& tensor) {
  if (!tensor.is_floating_point() || tensor.numel() == 0) return 0;
  const Tensor values = tensor.to(at::kFloat);
  const auto [least, most] = at::aminmax(values);
  if (std::isfinite(least.item<float>()) && std::isfinite(most.item<float>())) return 0;
  return values.numel() - at::isfinite(values).sum().item<int64_t>();
}

}  // namespace

void require_finite(const State& state, std::string_view origin) {
  std::vector<std::string> found;
  for (const auto& [name, tensor] : state) {
    if (const int64_t num = num_strange(tensor); num > 0) {
      found.push_back(fmt::format("tensor '{}': {} of {} values", name, num, tensor.numel()));
    }
  }
  if (found.empty()) return;
  const size_t num = found.size();
  if (num > kMostNamed) found.resize(kMostNamed);
  throw Error(fmt::format(
      "{}: not finite (NaN or infinity) in single precision: {}{}; the file is damaged, or comes "
      "from a training that diverged or from numbers too large for its type; take another",
      origin, fmt::join(found, ", "),
      num > kMostNamed ? fmt::format(", and in {} more tensors", num - kMostNamed) : ""));
}

}  // namespace cl
