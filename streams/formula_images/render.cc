#include "streams/formula_images/render.h"

#include <cmath>

#include <opencv2/imgproc.hpp>

namespace cl::formula {
namespace {

/// A small rotation, scaling, shear and shift about the centre of the canvas, as a 2x3 matrix.
cv::Matx23d small_affine(Draw& draw, int side) {
  const double angle = draw.normal(0, 0.06);
  const double scale = std::exp(draw.normal(0, 0.06));
  const double aspect = std::exp(draw.normal(0, 0.05));
  const double shear = draw.normal(0, 0.06);
  const cv::Matx22d map =
      cv::Matx22d(std::cos(angle), -std::sin(angle), std::sin(angle), std::cos(angle)) *
      cv::Matx22d(scale * aspect, shear, 0, scale / aspect);
  const double centre = (side - 1) / 2.0;
  const double step = 0.023 * side;
  const double shift_x = draw.normal(0, step), shift_y = draw.normal(0, step);
  return {map(0, 0), map(0, 1), centre * (1 - map(0, 0) - map(0, 1)) + shift_x,
          map(1, 0), map(1, 1), centre * (1 - map(1, 0) - map(1, 1)) + shift_y};
}

cv::Mat background(Scene::Background kind, Draw& draw, const NoisePool& noise, int side) {
  switch (kind) {
    case Scene::Background::kBlack:
      return cv::Mat::zeros(side, side, CV_32F);
    case Scene::Background::kPlain:
      return cv::Mat(side, side, CV_32F, cv::Scalar(draw.uniform(0, 0.8)));
    case Scene::Background::kTextured:
      return texture(draw.uniform(0, 0.6), noise, draw, side);
  }
  return {};
}

}  // namespace

Scene random_scene(Family family, Draw& draw, const NoisePool& noise, int canvas_side) {
  Silhouette silhouette = random_silhouette(family, draw, noise, canvas_side);
  const auto kind = static_cast<Scene::Background>(draw.choose({0.7, 0.18, 0.12}));
  const bool inverted = draw.chance(0.1);
  return {std::move(silhouette), kind, inverted};
}

cv::Mat render(const Scene& scene, Draw& draw, const NoisePool& noise, int image_side) {
  const int side = scene.silhouette.masks.front().rows;
  const cv::Matx23d map = small_affine(draw, side);
  cv::Mat image = background(scene.background, draw, noise, side);
  // The silhouette must stand out: at least 0.2 from what is behind it, else 0.35.
  double level = draw.uniform(0.25, 1);
  const double behind = cv::mean(image)[0];
  if (std::abs(level - behind) < 0.2) level = behind < 0.5 ? behind + 0.35 : behind - 0.35;
  bool first = true;
  for (const cv::Mat& mask : scene.silhouette.masks) {
    cv::Mat warped, weight;
    cv::warpAffine(mask, warped, map, mask.size(), cv::INTER_LINEAR);
    warped.convertTo(weight, CV_32F, 1.0 / 255);
    double own_level = level;
    if (!first) own_level = draw.chance(0.5) ? draw.uniform(0, 1) : level * draw.uniform(0.4, 1.4);
    first = false;
    const cv::Mat surface = texture(own_level, noise, draw, side);
    image += (surface - image).mul(weight);
  }
  if (draw.chance(0.3)) cv::GaussianBlur(image, image, cv::Size(), draw.uniform(0.5, 1.6));
  cv::Mat result;
  cv::resize(image, result, cv::Size(image_side, image_side), 0, 0, cv::INTER_AREA);
  if (draw.chance(0.3)) {
    const double strength = draw.uniform(0.01, 0.06);
    for (int row = 0; row < image_side; ++row) {
      auto* pixels = result.ptr<float>(row);
      for (int column = 0; column < image_side; ++column) {
        pixels[column] += static_cast<float>(draw.normal(0, strength));
      }
    }
  }
  cv::max(result, 0, result);
  cv::min(result, 1, result);
  cv::pow(result, std::exp(draw.normal(0, 0.25)), result);
  if (scene.inverted) result = 1 - result;
  return result;
}

}  // namespace cl::formula
