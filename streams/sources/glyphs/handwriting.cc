#include "streams/sources/glyphs/handwriting.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <opencv2/imgproc.hpp>

namespace cl::glyphs {
namespace {

double between(double low, double high, std::mt19937_64& engine) {
  return low + (high - low) * uniform(engine);
}

/// From places in the result to places in the ink, both counted from the middle.
cv::Matx22d slanted(std::mt19937_64& engine) {
  const double angle = between(-12, 12, engine) * std::numbers::pi / 180;
  const double slant = between(-0.2, 0.2, engine);
  const double size = between(0.95, 1.25, engine);
  const double stretch = between(0.88, 1.14, engine);
  const cv::Matx22d turn(std::cos(angle), -std::sin(angle), std::sin(angle), std::cos(angle));
  const cv::Matx22d shape(size * stretch, slant, 0, size / stretch);
  return turn * shape;
}

/// A smooth field whose root mean square is 1.
cv::Mat waver(int side, std::mt19937_64& engine) {
  // Drawn on a coarse grid: a hand wavers slowly.
  constexpr int kGrid = 5;
  cv::Mat grid(kGrid, kGrid, CV_32F), field;
  std::generate(grid.begin<float>(), grid.end<float>(),
                [&] { return static_cast<float>(normal(engine)); });
  cv::resize(grid, field, {side, side}, 0, 0, cv::INTER_CUBIC);
  return field / std::sqrt(cv::mean(field.mul(field))[0]);
}

/// Strokes thinner (`weight` < 0) or thicker by that many pixels.
cv::Mat weighted(const cv::Mat& ink, double weight) {
  // The edge of a blurred stroke moves with the level at which it is cut.
  const double sigma = std::max(1.0, std::abs(weight));
  const double level = 0.5 - 0.3 * std::clamp(weight / sigma, -1.0, 1.0);
  constexpr double kSoftness = 0.25;  // of the new edge
  cv::Mat blurred, result;
  cv::GaussianBlur(ink, blurred, cv::Size(), sigma);
  // Relative to the widest stroke, so that none is too thin to be left.
  double most = 0;
  cv::minMaxLoc(blurred, nullptr, &most);
  const double scale = 255 / std::max(most, 1.0);
  blurred.convertTo(result, CV_8U, scale / kSoftness, 255 * (0.5 - level / kSoftness));
  return result;
}

}  // namespace

cv::Mat redrawn(const cv::Mat& ink, int size, const RngKey& key) {
  std::mt19937_64 engine = key.engine();
  const int side = ink.rows;
  const cv::Matx22d map = slanted(engine);
  const double way_right = between(-0.06, 0.06, engine) * side;
  const double way_down = between(-0.06, 0.06, engine) * side;
  const cv::Vec2d way(way_right, way_down);
  const double wave = between(0.005, 0.025, engine) * side;
  const cv::Mat right = waver(side, engine);
  const cv::Mat down = waver(side, engine);
  const double middle = (side - 1) / 2.0;
  cv::Mat places(side, side, CV_32FC2), moved, result;
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const cv::Vec2d from_middle(x - middle, y - middle);
      const cv::Vec2d wavering(right.at<float>(y, x), down.at<float>(y, x));
      const cv::Vec2d place = map * from_middle + way + wave * wavering;
      places.at<cv::Vec2f>(y, x) =
          cv::Vec2f(static_cast<float>(place[0] + middle), static_cast<float>(place[1] + middle));
    }
  }
  cv::remap(ink, moved, places, cv::noArray(), cv::INTER_LINEAR, cv::BORDER_CONSTANT);
  moved = weighted(moved, between(-0.012, 0.025, engine) * side);
  cv::resize(moved, result, {size, size}, 0, 0, cv::INTER_AREA);
  return result;
}

}  // namespace cl::glyphs
