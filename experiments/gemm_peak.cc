#include "experiments/gemm_peak.h"

#include <algorithm>
#include <chrono>

#include <ATen/ops/full.h>
#include <ATen/ops/mm.h>

#include "core/nn/threads.h"

namespace cl::experiments {

double gemm_peak(bool bfloat16) {
  constexpr int64_t kSize = 2048;
  constexpr int kProducts = 12;
  constexpr double kOperations = 2.0 * kSize * kSize * kSize;
  const GradMode no_gradients(false);
  const at::Tensor a = at::full({kSize, kSize}, 0.5, bfloat16 ? at::kBFloat16 : at::kFloat);
  double best = 0;
  for (int i = 0; i < kProducts; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const at::Tensor product = at::mm(a, a);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    best = std::max(best, kOperations / elapsed.count());
  }
  return best;
}

}  // namespace cl::experiments
