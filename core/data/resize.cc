#include "core/data/resize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include <opencv2/core.hpp>

#include "core/base/check.h"

namespace cl {
namespace {

// Weights are fixed-point numbers, so that the pixels are the same on every machine. 22 bits leave
// room for 8 bits of pixel and the overshoot of the bicubic filter in 32.
constexpr int kFractionBits = 22;

/// The weights with which rows of the input make up each row of the output.
struct Taps {
  struct Row {
    int first;  // input row of the first weight
    int count;
    size_t offset;  // of the first weight
  };
  std::vector<Row> rows;
  std::vector<int32_t> weights;
};

double support(Interpolation interpolation) {
  return interpolation == Interpolation::kBilinear ? 1.0 : 2.0;
}

double filter(Interpolation interpolation, double x) {
  x = std::abs(x);
  if (interpolation == Interpolation::kBilinear) return std::max(0.0, 1.0 - x);
  constexpr double a = -0.5;  // Keys 1981, "Cubic convolution interpolation", eq. (15)
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

Taps make_taps(int input, int output, Interpolation interpolation) {
  const double scale = static_cast<double>(input) / output;
  const double widening = std::max(scale, 1.0);  // of the filter, where the image shrinks
  const double reach = support(interpolation) * widening;

  Taps taps;
  taps.rows.reserve(static_cast<size_t>(output));
  std::vector<double> exact;
  for (int i = 0; i < output; ++i) {
    const double centre = (i + 0.5) * scale;
    const int first = std::max(static_cast<int>(centre - reach + 0.5), 0);
    const int last = std::min(static_cast<int>(centre + reach + 0.5), input);
    exact.clear();
    double sum = 0;
    for (int j = first; j < last; ++j) {
      exact.push_back(filter(interpolation, (j - centre + 0.5) / widening));
      sum += exact.back();
    }
    taps.rows.push_back({first, last - first, taps.weights.size()});
    for (const double weight : exact) {
      taps.weights.push_back(
          static_cast<int32_t>(std::lround(std::ldexp(weight / sum, kFractionBits))));
    }
  }
  return taps;
}

// The two inner loops are compiled for wide registers as well; which version runs is decided when
// the program starts. All arithmetic is on integers, so both give the same pixels.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define CL_WIDE_REGISTERS [[gnu::target_clones("avx2", "default")]]
#else
#define CL_WIDE_REGISTERS
#endif

constexpr int kRowsAtOnce = 4;  // sums are loaded and stored once for that many rows

/// sums[x] += the weighted sum of the rows at x.
CL_WIDE_REGISTERS
void add_rows(const uint8_t* const* rows, const int32_t* weights, size_t width, int32_t* sums) {
  const uint8_t *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3];
  const int32_t w0 = weights[0], w1 = weights[1], w2 = weights[2], w3 = weights[3];
  for (size_t x = 0; x < width; ++x) {
    sums[x] += w0 * r0[x] + w1 * r1[x] + w2 * r2[x] + w3 * r3[x];
  }
}

CL_WIDE_REGISTERS
void to_pixels(const int32_t* sums, size_t width, uint8_t* pixels) {
  for (size_t x = 0; x < width; ++x) {
    pixels[x] = static_cast<uint8_t>(std::clamp(sums[x] >> kFractionBits, 0, 255));
  }
}

/// Each output row as the weighted sum of the input rows its taps name.
cv::Mat resample_rows(const cv::Mat& image, const Taps& taps) {
  cv::Mat result(static_cast<int>(taps.rows.size()), image.cols, image.type());
  const size_t width = static_cast<size_t>(image.cols * image.channels());
  std::vector<int32_t> sums(width);
  for (int y = 0; y < result.rows; ++y) {
    const Taps::Row& row = taps.rows[static_cast<size_t>(y)];
    std::fill(sums.begin(), sums.end(), 1 << (kFractionBits - 1));  // a half: rounds to nearest
    for (int k = 0; k < row.count; k += kRowsAtOnce) {
      std::array<const uint8_t*, kRowsAtOnce> rows{};
      std::array<int32_t, kRowsAtOnce> weights{};
      for (int i = 0; i < kRowsAtOnce; ++i) {
        const bool is_tap = k + i < row.count;  // else any row, with no weight
        const auto index = static_cast<size_t>(i);
        rows[index] = image.ptr<uint8_t>(row.first + (is_tap ? k + i : k));
        weights[index] = is_tap ? taps.weights[row.offset + static_cast<size_t>(k + i)] : 0;
      }
      add_rows(rows.data(), weights.data(), width, sums.data());
    }
    to_pixels(sums.data(), width, result.ptr<uint8_t>(y));
  }
  return result;
}

cv::Mat transposed(const cv::Mat& image) {
  cv::Mat result;
  cv::transpose(image, result);
  return result;
}

}  // namespace

cv::Mat resize(const cv::Mat& image, cv::Size size, Interpolation interpolation) {
  CL_CHECK(image.depth() == CV_8U && !image.empty());
  CL_CHECK(size.width > 0 && size.height > 0, "resize to {} x {}", size.height, size.width);
  cv::Mat result = image;
  if (size.width != image.cols) {
    // Columns as rows: one kernel serves both passes, and its inner loop runs over memory in order.
    const Taps taps = make_taps(image.cols, size.width, interpolation);
    result = transposed(resample_rows(transposed(image), taps));
  }
  if (size.height != image.rows) {
    result = resample_rows(result, make_taps(image.rows, size.height, interpolation));
  }
  return result;
}

}  // namespace cl
