#include "streams/formula_images/texture.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <opencv2/core.hpp>

namespace cl::formula {
namespace {

constexpr double kPi = std::numbers::pi;

/// Position of pixel `i` on a canvas of that side, in units of half the canvas from its centre.
double coordinate(int i, int side) {
  return (i + 0.5) / side * 2 - 1;
}

/// A field [side, side] float with value(u, v) at every pixel.
template <class Value>
cv::Mat field_of(int side, const Value& value) {
  cv::Mat result(side, side, CV_32F);
  for (int row = 0; row < side; ++row) {
    auto* out = result.ptr<float>(row);
    const double v = coordinate(row, side);
    for (int column = 0; column < side; ++column) {
      out[column] = static_cast<float>(value(coordinate(column, side), v));
    }
  }
  return result;
}

cv::Mat power_law_noise(Draw& draw, int side, double alpha) {
  cv::Mat white(side, side, CV_32F);
  for (int row = 0; row < side; ++row) {
    for (int column = 0; column < side; ++column) {
      white.at<float>(row, column) = static_cast<float>(draw.normal(0, 1));
    }
  }
  cv::Mat spectrum;
  cv::dft(white, spectrum, cv::DFT_COMPLEX_OUTPUT);
  const auto frequency = [side](int i) { return static_cast<double>(std::min(i, side - i)); };
  for (int row = 0; row < side; ++row) {
    for (int column = 0; column < side; ++column) {
      const double f = std::hypot(frequency(row), frequency(column));
      spectrum.at<cv::Vec2f>(row, column) *= static_cast<float>(f > 0 ? std::pow(f, -alpha) : 0);
    }
  }
  cv::Mat result;
  cv::idft(spectrum, result, cv::DFT_REAL_OUTPUT | cv::DFT_SCALE);
  cv::Scalar mean, std;
  cv::meanStdDev(result, mean, std);
  return (result - mean[0]) / std[0];
}

}  // namespace

NoisePool::NoisePool(const RngKey& key, int side, int64_t size) {
  constexpr double kSmoothAlpha = 1.5;
  for (int64_t i = 0; i < size; ++i) {
    Draw draw(key.child(static_cast<uint64_t>(i)));
    // The first field is smooth in any case, so that there is always one.
    const double alpha = i == 0 ? 2.0 : draw.uniform(0.5, 3);
    fields_.push_back(power_law_noise(draw, side, alpha));
    if (alpha > kSmoothAlpha) smooth_fields_.push_back(fields_.back());
  }
}

cv::Mat NoisePool::field(Draw& draw) const {
  const auto& source =
      fields_[static_cast<size_t>(draw.integer(0, static_cast<int64_t>(fields_.size()) - 1))];
  const int side = source.rows;
  const int down = static_cast<int>(draw.integer(0, side - 1));
  const int right = static_cast<int>(draw.integer(0, side - 1));
  cv::Mat shifted(source.size(), source.type());
  for (int row = 0; row < side; ++row) {
    const auto* in = source.ptr<float>((row + down) % side);
    std::rotate_copy(in, in + right, in + side, shifted.ptr<float>(row));
  }
  if (draw.chance(0.5)) return shifted.t();
  return shifted;
}

const cv::Mat& NoisePool::smooth_field(Draw& draw) const {
  return smooth_fields_[static_cast<size_t>(
      draw.integer(0, static_cast<int64_t>(smooth_fields_.size()) - 1))];
}

cv::Mat texture(double level, const NoisePool& noise, Draw& draw, int side) {
  const double contrast = draw.uniform(0.1, 0.9);
  switch (draw.choose({0.3, 0.2, 0.2, 0.2, 0.1})) {
    case 0:
      return cv::Mat(side, side, CV_32F, cv::Scalar(level));
    case 1: {
      const double angle = draw.uniform(0, 2 * kPi);
      const double slope = 0.7 * contrast * level;
      return field_of(side, [&](double u, double v) {
        return level + slope * (u * std::cos(angle) + v * std::sin(angle));
      });
    }
    case 2: {
      const int64_t direction = draw.integer(0, 2);
      const double angle = direction == 0 ? 0 : direction == 1 ? kPi / 2 : draw.uniform(0, kPi);
      const double frequency = draw.uniform(1, 8);
      const double phase = draw.uniform(0, 2 * kPi);
      const bool hard = draw.chance(0.5);
      return field_of(side, [&](double u, double v) {
        double wave =
            std::sin(kPi * frequency * (u * std::cos(angle) + v * std::sin(angle)) + phase);
        if (hard) wave = std::clamp(4 * wave, -1.0, 1.0);
        return level * (1 + 0.5 * contrast * wave);
      });
    }
    case 3:
      return level * (1 + 0.35 * contrast * noise.field(draw));
    default: {
      const double ridge = draw.uniform(-0.2, 0.2);
      return field_of(side, [&](double u, double) {
        return level * (1 - 2 * contrast * (u - ridge) * (u - ridge));
      });
    }
  }
}

}  // namespace cl::formula
