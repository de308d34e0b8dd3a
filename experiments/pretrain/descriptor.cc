#include "experiments/pretrain/descriptor.h"

#include <cmath>
#include <numbers>
#include <tuple>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/atan2.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/pixel_unshuffle.h>
#include <ATen/ops/replication_pad2d.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/base/error.h"

namespace cl::experiments {
namespace {

constexpr int64_t kOrientations = 8;

/// Gaussian blur of [N, 1, H, W], borders repeated.
Tensor blur(const Tensor& x, double sigma) {
  const auto radius = static_cast<int64_t>(std::ceil(2.5 * sigma));
  const Tensor offset = at::arange(-radius, radius + 1, x.options());
  Tensor kernel = at::exp(-offset * offset / (2 * sigma * sigma));
  kernel = kernel / kernel.sum();
  const Tensor padded = at::replication_pad2d(x, {radius, radius, radius, radius});
  return at::conv2d(at::conv2d(padded, kernel.view({1, 1, 1, -1})), kernel.view({1, 1, -1, 1}));
}

/// Gradient magnitude shared out to orientation channels: [N, 1, H, W] -> [N, 8, H, W].
Tensor oriented_gradients(const Tensor& x) {
  const Tensor p = at::replication_pad2d(x, {1, 1, 1, 1});
  const int64_t height = x.size(2), width = x.size(3);
  const Tensor gx =
      p.slice(2, 1, height + 1).slice(3, 2) - p.slice(2, 1, height + 1).slice(3, 0, width);
  const Tensor gy =
      p.slice(3, 1, width + 1).slice(2, 2) - p.slice(3, 1, width + 1).slice(2, 0, height);
  const Tensor magnitude = (gx * gx + gy * gy).sqrt();
  // Shared between the two nearest of the orientations, which wrap around.
  const Tensor position =
      at::atan2(gy, gx).remainder(std::numbers::pi) * (kOrientations / std::numbers::pi);
  const Tensor below = position.floor();
  const Tensor share = position - below;
  const Tensor first = below.to(at::kLong).remainder(kOrientations);
  const Tensor second = (first + 1).remainder(kOrientations);
  return at::zeros({x.size(0), kOrientations, height, width}, x.options())
      .scatter_add_(1, first, magnitude * (1 - share))
      .scatter_add_(1, second, magnitude * share);
}

/// Histograms over cells with overlapping borders, divided by the energy around: [N, 8, H / cell, W
/// / cell].
Tensor histograms(const Tensor& x, int64_t cell) {
  constexpr double kFloor = 0.02;
  const int64_t border = cell / 4;
  const Tensor padded =
      at::constant_pad_nd(oriented_gradients(x), {border, border, border, border});
  const Tensor cells = at::avg_pool2d(padded, cell + 2 * border, cell);
  const Tensor energy = at::avg_pool2d(cells.pow(2).sum(1, true), 3, 1, 1, false, false);
  return cells / (energy.sqrt() + kFloor);
}

}  // namespace

Descriptors descriptors_of(const Tensor& x) {
  if (x.dim() != 4 || x.size(2) % (2 * kCell) != 0 || x.size(3) % (2 * kCell) != 0) {
    throw Error(
        fmt::format("image descriptors need sides that are multiples of {} pixels", 2 * kCell));
  }
  const Tensor grey = x.slice(1, 0, 1);
  const Tensor fine = histograms(grey, kCell);
  const Tensor smooth = histograms(blur(grey, 1.5), kCell);
  const Tensor coarse = histograms(blur(grey, 1.0), 2 * kCell);
  const Tensor brightness = at::avg_pool2d(grey, kCell / 2);
  Descriptors result;
  result.image =
      at::cat({fine.flatten(1), smooth.flatten(1), coarse.flatten(1), brightness.flatten(1)}, 1);
  result.patches =
      at::cat({fine, smooth, at::pixel_unshuffle(brightness, 2)}, 1).flatten(2).transpose(1, 2);
  return result;
}

Standardisation::Standardisation(const Tensor& sample) {
  constexpr double kConstant = 1e-6;
  const Tensor rows = sample.flatten(0, -2);
  mean = rows.mean(0);
  std = rows.std(0).clamp_min(kConstant);
}

Tensor Standardisation::operator()(const Tensor& x) const {
  return (x - mean) / std;
}

Whitening::Whitening(const Tensor& sample, int64_t components, double power) {
  if (components > sample.size(1)) {
    throw Error(
        fmt::format("{} components of a descriptor of {} numbers; ask for at most that many",
                    components, sample.size(1)));
  }
  const Standardisation standard(sample);
  const Tensor z = standard(sample);
  const Tensor covariance = z.t().mm(z) / static_cast<double>(sample.size(0) - 1);
  const auto [ascending, axes] = at::linalg_eigh(covariance.to(at::kDouble));
  const Tensor variance = ascending.flip(0).slice(0, 0, components);
  const Tensor scale = variance.pow(-power) / variance.pow(1 - 2 * power).mean().sqrt();
  const Tensor turn = (axes.flip(1).slice(1, 0, components) * scale).to(sample.scalar_type());
  mean_ = standard.mean;
  projection_ = turn / standard.std.unsqueeze(1);
}

Tensor Whitening::operator()(const Tensor& descriptors) const {
  return (descriptors - mean_).mm(projection_);
}

}  // namespace cl::experiments
