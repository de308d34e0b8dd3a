// Corruptions of images in degrees of severity: noise, blur, fog, compression, ...
#pragma once

#include <span>
#include <string_view>

#include <opencv2/core/mat.hpp>

#include "core/base/rng.h"

namespace cl {

/// Severity 0 leaves an image as it is, 1 to 5 are the paper's levels; between them the parameters
/// are interpolated.
inline constexpr double kLargestSeverity = 5;

/// The corruptions of ImageNet-C and CIFAR-C that need no further images, by their names there. Not
/// here: frost, which is laid over from photographs.
/// @source Hendrycks and Dietterich 2019, "Benchmarking Neural Network Robustness to Common
/// Corruptions and Perturbations"
[[nodiscard]] std::span<const std::string_view> corruptions();

/// `image` (8 bits, RGB [H, W, 3]) under one of corruptions().
///
/// Images whose shorter side is at most 64 pixels take the constants of CIFAR-C, others those of
/// ImageNet-C; lengths are in proportion to the shorter side over 32 or 224.
/// A stronger corruption of a sample is the same draw with a larger amplitude.
///
/// Differs: an image without colour gets noise without colour. saturate always raises the
/// saturation (the paper's first two levels lower it) and leaves greys alone, which have no hue.
/// Displacements of elastic_transform grow with severity (the paper's trade near for far ones).
/// glass_blur takes fractions of pixels and passes, zoom_blur averages as many copies at every
/// level, and the disk of defocus_blur has a soft edge, so that all of them
/// move without jumps; pixelate and jpeg_compression cannot.
/// @param severity  in [0, kLargestSeverity]
/// @param key       of what is drawn
[[nodiscard]] cv::Mat corrupt(std::string_view name, double severity, const cv::Mat& image,
                              const RngKey& key);

}  // namespace cl
