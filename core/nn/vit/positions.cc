#include "core/nn/vit/positions.h"

#include <cmath>

#include <ATen/ops/cat.h>
#include <ATen/ops/upsample_bicubic2d.h>

namespace cl::vit {

Tensor resample_positions(const Tensor& positions, int64_t grid) {
  if (positions.dim() != 3 || positions.size(0) != 1 || positions.size(1) < 2) return positions;
  const int64_t patches = positions.size(1) - 1, dim = positions.size(2);
  const auto side = std::llround(std::sqrt(static_cast<double>(patches)));
  if (side == grid || side * side != patches || dim == 0) return positions;
  const Tensor image = positions.narrow(1, 1, patches)
                           .to(at::kFloat)
                           .reshape({1, side, side, dim})
                           .permute({0, 3, 1, 2});
  const std::array<int64_t, 2> size{grid, grid};
  const Tensor resampled = at::upsample_bicubic2d(image, size, /*align_corners=*/false);
  return at::cat({positions.narrow(1, 0, 1).to(at::kFloat),
                  resampled.permute({0, 2, 3, 1}).reshape({1, grid * grid, dim})},
                 1);
}

}  // namespace cl::vit
