// What this machine can do at most, as a yardstick for everything else.
#pragma once

namespace cl::experiments {

/// Operations a second of LibTorch's product of two 2048 x 2048 matrices with the threads of now:
/// the best of several products, each counted as 2 * 2048^3 operations.
/// @param bfloat16  of the matrices; else float32
[[nodiscard]] double gemm_peak(bool bfloat16 = false);

}  // namespace cl::experiments
