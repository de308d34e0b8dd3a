#include "streams/shapes/scene.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <opencv2/imgproc.hpp>

#include "streams/shapes/outline.h"

namespace cl::shapes {
namespace {

double between(double low, double high, std::mt19937_64& engine) {
  return low + (high - low) * uniform(engine);
}

/// @param hue  parts of the circle   @param saturation, value  in [0, 1]
cv::Scalar colour_of(double hue, double saturation, double value) {
  const auto channel = [&](double offset) {
    const double place = (hue + offset - std::floor(hue + offset)) * 6;
    const double strength = std::clamp(std::abs(place - 3) - 1, 0.0, 1.0);
    return value * (1 - saturation * (1 - strength));
  };
  return {channel(0), channel(2.0 / 3), channel(1.0 / 3)};
}

/// Waves in a drawn direction, straight or bent by another one: [side, side] float in [-1, 1].
cv::Mat waves(int side, std::mt19937_64& engine) {
  const double angle = between(0, std::numbers::pi, engine);
  const double frequency = between(4, 9, engine) * std::numbers::pi;
  const double phase = between(0, 2 * std::numbers::pi, engine);
  const double bend = between(0, 1.5, engine);
  const double bend_frequency = between(2, 5, engine) * std::numbers::pi;
  cv::Mat result(side, side, CV_32F);
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const double u = (x + 0.5) / side, v = (y + 0.5) / side;
      const double along = u * std::cos(angle) + v * std::sin(angle);
      const double across = v * std::cos(angle) - u * std::sin(angle);
      const double wave =
          std::sin(2 * frequency * along + phase + bend * std::sin(bend_frequency * across));
      result.at<float>(y, x) = static_cast<float>(std::clamp(2 * wave, -1.0, 1.0));
    }
  }
  return result;
}

/// A surface of one colour whose light goes up and down by `texture`: [side, side, 3] float.
cv::Mat surface(const cv::Scalar& colour, double texture, int side, std::mt19937_64& engine) {
  const cv::Mat light = 1 + 0.8 * texture * waves(side, engine);
  const std::array<cv::Mat, 3> channels{light * colour[0], light * colour[1], light * colour[2]};
  cv::Mat result;
  cv::merge(channels, result);
  return result;
}

void add_noise(cv::Mat& image, double deviation, std::mt19937_64& engine) {
  std::for_each(image.begin<cv::Vec3f>(), image.end<cv::Vec3f>(), [&](cv::Vec3f& pixel) {
    for (int c = 0; c < 3; ++c) pixel[c] += static_cast<float>(deviation * normal(engine));
  });
}

}  // namespace

cv::Mat draw_scene(size_t shape, std::optional<size_t> colour, const Knobs& knobs, int side,
                   const RngKey& key) {
  constexpr int kOversampling = 3;
  constexpr double kLastHue = 1.0 / 3, kHueJitter = 0.03;  // green
  std::mt19937_64 engine = key.engine();
  const double scale = between(0.55, 0.7, engine) * std::exp2(knobs.scale);
  const double degrees = between(-15, 15, engine) + knobs.rotation;
  const double reach = std::max(0.0, 0.95 - scale);  // so that the shape stays in the image
  // One draw a statement: the order of arguments' evaluation is the compiler's choice.
  const double right = between(-reach, reach, engine);
  const double down = between(-reach, reach, engine);
  const double any_hue = between(-kHueJitter, kLastHue + kHueJitter, engine);
  const double hue_jitter = between(-kHueJitter, kHueJitter, engine);
  const double saturation = between(0.75, 1, engine);
  const double value = between(0.7, 0.95, engine);
  const double ground_hue = between(0, kLastHue, engine);
  const double ground_saturation = between(0.2, 0.45, engine);
  const double ground_value = between(0.2, 0.4, engine);
  const double ink_hue =
      colour ? kLastHue * static_cast<double>(*colour) / (kColours.size() - 1) + hue_jitter
             : any_hue;
  const cv::Scalar ink = colour_of(ink_hue + knobs.hue, saturation, value);
  const cv::Scalar ground = colour_of(ground_hue + knobs.hue, ground_saturation, ground_value);

  const int large = kOversampling * side;
  cv::Mat image = surface(ground, knobs.texture, large, engine);
  surface(ink, knobs.texture, large, engine)
      .copyTo(image, filled(shape, scale, degrees, {right, down}, large));
  cv::resize(image, image, {side, side}, 0, 0, cv::INTER_AREA);
  const double blur = knobs.blur / 100 * side;
  if (blur > 0) cv::GaussianBlur(image, image, cv::Size(), blur, blur, cv::BORDER_REPLICATE);
  image = image * (1 - knobs.contrast) + cv::Scalar::all(0.5 * knobs.contrast);
  if (knobs.noise > 0) add_noise(image, knobs.noise, engine);
  cv::max(image, 0, image);
  cv::min(image, 1, image);
  return image;
}

}  // namespace cl::shapes
