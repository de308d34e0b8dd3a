// Corruptions by what falls or splashes.
//
// All take an image [H, W, 3] RGB float in [0, 1] and give one of that shape, possibly beyond
// [0, 1].
#pragma once

#include <random>

#include <opencv2/core/mat.hpp>

#include "core/data/corruptions/parameters.h"

namespace cl::corruption {

/// Streaks of snow before a whitened image.
/// @param p  mean and deviation of the flakes before they are cut off, factor of their size, value
/// below which there is none, half the longest way they fall, its standard deviation, weight of the
/// unwhitened image
[[nodiscard]] cv::Mat snow(const cv::Mat& image, const Parameters& p, std::mt19937_64& engine);
/// Splashes of water, or of mud.
/// @param p  mean and deviation of the liquid before it is cut off, standard deviation of its blur,
/// value below which there is none, opacity of water, mud instead from 0.5 on, standard deviation
/// of the edge of mud
[[nodiscard]] cv::Mat spatter(const cv::Mat& image, const Parameters& p, std::mt19937_64& engine);

}  // namespace cl::corruption
