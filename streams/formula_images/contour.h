// Closed contours from formulae: the outlines of filled silhouettes and of their parts.
#pragma once

#include <vector>

#include <opencv2/core/mat.hpp>

#include "streams/formula_images/draw.h"

namespace cl::formula {

/// Points of a closed polygon. In image coordinates (y down); the unit is half the canvas, the
/// origin its centre.
using Contour = std::vector<cv::Point2d>;

/// A random contour of one of three families: a radial contour (log-radius a Fourier series with
/// power-law coefficients, after Kataoka et al. 2022), a star-shaped polygon, or a profile (a width
/// for every height).
/// @param symmetric  mirror-symmetric about the vertical axis
Contour random_contour(Draw& draw, bool symmetric);

/// Where and how large a contour stands: its bounding box is fitted to random half-axes of 0.3-0.97
/// times `scale`, then turned (slightly, or anyhow with probability `any_turn`) and moved to
/// `centre`.
Contour place(const Contour& contour, Draw& draw, double scale, cv::Point2d centre,
              double any_turn);

/// The filled contour as a mask [side, side] of 0 and 255.
cv::Mat fill(const Contour& contour, int side);

/// Canvas coordinates of a point, in fixed point with `kSubpixelBits` fractional bits.
inline constexpr int kSubpixelBits = 4;
cv::Point to_pixels(cv::Point2d point, int side);

}  // namespace cl::formula
