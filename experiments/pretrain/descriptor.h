// What a pre-trained network has to say about an image: gradient orientations and brightness,
// computed by formula.
#pragma once

#include <ATen/core/Tensor.h>

namespace cl::experiments {

using at::Tensor;

/// Side of a cell, pixels; a backbone's patches must have this size.
inline constexpr int64_t kCell = 8;

/// Numbers that describe one patch: 8 orientations at two scales, 4 brightnesses.
inline constexpr int64_t kPatchDescriptor = 20;

struct Descriptors {
  Tensor image;    // [N, D] of whole images
  Tensor patches;  // [N, (H / 8)(W / 8), kPatchDescriptor] of each cell, row by row
};

/// Histograms of oriented gradients (8 undirected orientations, triangular binning,
/// energy-normalised over 3x3 cells) in cells of 8 pixels at two scales and of 16 at one, and
/// brightness averaged over 4 pixels.
/// @param x  [N, 3, H, W] in [0, 1], H and W multiples of 16; the first channel is read, as the
/// images are grey
/// @source Dalal and Triggs 2005 for the histograms; Wei et al. 2022 (MaskFeat) for predicting them
[[nodiscard]] Descriptors descriptors_of(const Tensor& x);

/// Standardises a descriptor, turns it to its principal axes and shrinks the strong ones: component
/// k is divided by eigenvalue_k^power, then all by one factor, so that their mean variance is one.
/// power 0.5 whitens.
class Whitening {
 public:
  /// @param sample  [n, D] descriptors   @param components  number kept, strongest first
  /// @throws Error if there are not that many
  Whitening(const Tensor& sample, int64_t components, double power);

  /// [N, D] -> [N, components]
  [[nodiscard]] Tensor operator()(const Tensor& descriptors) const;

 private:
  Tensor mean_, projection_;
};

/// Shift and scale that make every column of `sample` [..., D] standard.
struct Standardisation {
  Tensor mean, std;  // [D]
  explicit Standardisation(const Tensor& sample);
  [[nodiscard]] Tensor operator()(const Tensor& x) const;
};

}  // namespace cl::experiments
