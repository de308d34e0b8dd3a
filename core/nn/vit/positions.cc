#include "core/nn/vit/positions.h"

#include <cmath>

#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/upsample_bicubic2d.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include "core/base/check.h"

namespace cl::vit {
namespace {

/// image [1, dim, H, W] -> [1, dim, grid, grid]
Tensor resample(const Tensor& image, int64_t grid, std::string_view resampling) {
  const std::array<int64_t, 2> size{grid, grid};
  constexpr bool kAlignCorners = false;
  if (resampling == kResamplings[0]) return at::_upsample_bicubic2d_aa(image, size, kAlignCorners);
  if (resampling == kResamplings[1]) return at::upsample_bicubic2d(image, size, kAlignCorners);
  CL_CHECK(resampling == kResamplings[2], "resampling '{}'", resampling);
  return at::upsample_bilinear2d(image, size, kAlignCorners);
}

}  // namespace

Tensor resample_positions(const Tensor& positions, int64_t grid, std::string_view resampling) {
  if (positions.dim() != 3 || positions.size(0) != 1 || positions.size(1) < 2) return positions;
  const int64_t patches = positions.size(1) - 1, dim = positions.size(2);
  const auto side = std::llround(std::sqrt(static_cast<double>(patches)));
  if (side == grid || side * side != patches || dim == 0) return positions;
  const Tensor image = positions.narrow(1, 1, patches)
                           .to(at::kFloat)
                           .reshape({1, side, side, dim})
                           .permute({0, 3, 1, 2})
                           .contiguous();
  const Tensor resampled = resample(image, grid, resampling);
  return at::cat({positions.narrow(1, 0, 1).to(at::kFloat),
                  resampled.permute({0, 2, 3, 1}).reshape({1, grid * grid, dim})},
                 1);
}

}  // namespace cl::vit
