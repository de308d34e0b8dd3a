#include "core/data/corruptions.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <opencv2/core.hpp>

#include "core/base/check.h"
#include "core/data/corruptions/blur.h"
#include "core/data/corruptions/digital.h"
#include "core/data/corruptions/light.h"
#include "core/data/corruptions/noise.h"
#include "core/data/corruptions/parameters.h"
#include "core/data/corruptions/weather.h"

namespace cl {
namespace {

using corruption::Parameters;

constexpr size_t kNumLevels = 5;
using Levels = std::array<Parameters, kNumLevels>;

struct Kind {
  std::string_view name;
  cv::Mat (*apply)(const cv::Mat& image, const Parameters& parameters, std::mt19937_64& engine);
  std::array<bool, std::tuple_size_v<Parameters>> is_length;  // parameters in pixels
  Parameters unchanged;                                       // at severity 0
  Levels small;                                               // CIFAR-C, 32 pixels
  Levels large;                                               // ImageNet-C, 224 pixels
};

constexpr int kLargestSmallSide = 64;
constexpr double kSmallSide = 32, kLargeSide = 224;  // what the two tables are made for

// The parameters' meaning: see the functions' declarations.
// clang-format off: a row a table.
constexpr std::array<Kind, 18> kKinds{{
    {"gaussian_noise",
     corruption::gaussian_noise,
     {},
     {0},
     {{{.04}, {.06}, {.08}, {.09}, {.10}}},
     {{{.08}, {.12}, {.18}, {.26}, {.38}}}},
    {"shot_noise",
     corruption::shot_noise,
     {},
     {0},
     {{{1. / 500}, {1. / 250}, {1. / 100}, {1. / 75}, {1. / 50}}},
     {{{1. / 60}, {1. / 25}, {1. / 12}, {1. / 5}, {1. / 3}}}},
    {"impulse_noise",
     corruption::impulse_noise,
     {},
     {0},
     {{{.01}, {.02}, {.03}, {.05}, {.07}}},
     {{{.03}, {.06}, {.09}, {.17}, {.27}}}},
    {"speckle_noise",
     corruption::speckle_noise,
     {},
     {0},
     {{{.06}, {.1}, {.12}, {.16}, {.2}}},
     {{{.15}, {.2}, {.35}, {.45}, {.6}}}},
    {"gaussian_blur",
     corruption::gaussian_blur,
     {true},
     {0},
     {{{.4}, {.6}, {.7}, {.8}, {1}}},
     {{{1}, {2}, {3}, {4}, {6}}}},
    {"defocus_blur",
     corruption::defocus_blur,
     {true, true},
     {0, 0},
     {{{.3, .4}, {.4, .5}, {.5, .6}, {1, .2}, {1.5, .1}}},
     {{{3, .1}, {4, .5}, {6, .5}, {8, .5}, {10, .5}}}},
    {"motion_blur",
     corruption::motion_blur,
     {true, true},
     {6, 0},
     {{{6, 1}, {6, 1.5}, {6, 2}, {8, 2}, {9, 2.5}}},
     {{{10, 3}, {15, 5}, {15, 8}, {15, 12}, {20, 15}}}},
    {"zoom_blur",
     corruption::zoom_blur,
     {},
     {1},
     {{{1.05}, {1.1}, {1.15}, {1.2}, {1.25}}},
     {{{1.1}, {1.15}, {1.2}, {1.24}, {1.3}}}},
    {"glass_blur",
     corruption::glass_blur,
     {true, true},
     {0, 0, 0},
     {{{.05, 1, 1}, {.25, 1, 1}, {.4, 1, 1}, {.25, 1, 2}, {.4, 1, 2}}},
     {{{.7, 1, 2}, {.9, 2, 1}, {1, 2, 3}, {1.1, 3, 2}, {1.5, 4, 2}}}},
    {"brightness",
     corruption::brightness,
     {},
     {0},
     {{{.05}, {.1}, {.15}, {.2}, {.3}}},
     {{{.1}, {.2}, {.3}, {.4}, {.5}}}},
    {"contrast",
     corruption::contrast,
     {},
     {1},
     {{{.75}, {.5}, {.4}, {.3}, {.15}}},
     {{{.4}, {.3}, {.2}, {.1}, {.05}}}},
    {"saturate",
     corruption::saturate,
     {},
     {1, 0},
     {{{1.25, 0}, {1.5, 0}, {1.75, .05}, {2, .1}, {2.5, .2}}},
     {{{1.5, 0}, {2, 0}, {3.5, .05}, {5, .1}, {20, .2}}}},
    {"fog",
     corruption::fog,
     {},
     {0, 3},
     {{{.2, 3}, {.5, 3}, {.75, 2.5}, {1, 2}, {1.5, 1.75}}},
     {{{1.5, 2}, {2, 2}, {2.5, 1.7}, {2.5, 1.5}, {3, 1.4}}}},
    {"snow",
     corruption::snow,
     {false, false, false, false, true, true},
     {.1, .2, 1, 2, 8, 3, 1},
     {{{.1, .2, 1, .6, 8, 3, .95},
       {.1, .2, 1, .5, 10, 4, .9},
       {.15, .3, 1.75, .55, 10, 4, .9},
       {.25, .3, 2.25, .6, 12, 6, .85},
       {.3, .3, 1.25, .65, 14, 12, .8}}},
     {{{.1, .3, 3, .5, 10, 4, .8},
       {.2, .3, 2, .5, 12, 4, .7},
       {.55, .3, 4, .9, 12, 8, .7},
       {.55, .3, 4.5, .85, 12, 8, .65},
       {.55, .3, 2.5, .85, 12, 12, .55}}}},
    {"spatter",
     corruption::spatter,
     {false, true, true, false, false, false, true},  // a softened field deviates less
     {.62, .1, 1, 2, .5, 0, 1},
     {{{.62, .1, .7, .7, .5, 0, .6},
       {.65, .1, .8, .7, .5, 0, .6},
       {.65, .3, 1, .69, .5, 0, .6},
       {.65, .1, .7, .69, .5, 1, .6},
       {.65, .1, .5, .68, .5, 1, .6}}},
     {{{.65, .3, 4, .69, .6, 0, 1.5},
       {.65, .3, 3, .68, .6, 0, 1.5},
       {.65, .3, 2, .68, .5, 0, 1.5},
       {.65, .3, 1, .65, .5, 1, 1.5},
       {.67, .4, 1, .65, .5, 1, 1.5}}}},
    {"jpeg_compression",
     corruption::jpeg_compression,
     {},
     {100},
     {{{80}, {65}, {58}, {50}, {40}}},
     {{{25}, {18}, {15}, {10}, {7}}}},
    {"pixelate",
     corruption::pixelate,
     {},
     {1},
     {{{.95}, {.9}, {.85}, {.75}, {.65}}},
     {{{.6}, {.5}, {.4}, {.3}, {.25}}}},
    {"elastic_transform",
     corruption::elastic_transform,
     {true, true, true},
     {0, 0, 1},
     {{{.11, .5, 1}, {.22, 1, 1}, {.33, 1.5, 1}, {.44, 2, 1}, {.55, 2.5, 1}}},
     {{{.4, 4, 2.4}, {.8, 8, 2.4}, {1.2, 12, 2.4}, {1.6, 16, 2.4}, {2, 20, 2.4}}}},
}};
// clang-format on

constexpr auto kNames = [] {
  std::array<std::string_view, kKinds.size()> names;
  for (size_t i = 0; i < names.size(); ++i) names[i] = kKinds[i].name;
  return names;
}();

/// Between the two levels next to `severity`, in pixels of an image of that shorter side.
Parameters parameters_at(const Kind& kind, double severity, int side) {
  const bool is_small = side <= kLargestSmallSide;
  const Levels& levels = is_small ? kind.small : kind.large;
  const double pixels = side / (is_small ? kSmallSide : kLargeSide);
  const auto above = static_cast<size_t>(std::clamp(std::ceil(severity), 1.0, kLargestSeverity));
  const Parameters& from = above == 1 ? kind.unchanged : levels[above - 2];
  const Parameters& to = levels[above - 1];
  Parameters result{};
  for (size_t i = 0; i < result.size(); ++i) {
    result[i] = std::lerp(from[i], to[i], severity - static_cast<double>(above - 1));
    if (kind.is_length[i]) result[i] *= pixels;
  }
  return result;
}

}  // namespace

std::span<const std::string_view> corruptions() {
  return kNames;
}

cv::Mat corrupt(std::string_view name, double severity, const cv::Mat& image, const RngKey& key) {
  CL_CHECK(image.type() == CV_8UC3 && !image.empty());
  CL_CHECK(severity >= 0 && severity <= kLargestSeverity, "severity {}", severity);
  const auto kind = std::find_if(kKinds.begin(), kKinds.end(),
                                 [&](const Kind& candidate) { return candidate.name == name; });
  CL_CHECK(kind != kKinds.end(), "corruption '{}'", name);
  if (severity == 0) return image;
  cv::Mat light;
  image.convertTo(light, CV_32F, 1.0 / 255);
  std::mt19937_64 engine = key.engine();
  const int side = std::min(image.rows, image.cols);
  cv::Mat result;
  kind->apply(light, parameters_at(*kind, severity, side), engine).convertTo(result, CV_8U, 255);
  return result;
}

}  // namespace cl
