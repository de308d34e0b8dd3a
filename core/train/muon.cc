#include "core/train/muon.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include "core/base/check.h"
#include "core/base/error.h"
#include "core/nn/threads.h"

namespace cl::train {

at::Tensor orthogonalised(const at::Tensor& g) {
  constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315, kTiny = 1e-7;
  const bool tall = g.size(1) > g.size(2);
  at::Tensor x = tall ? g.transpose(1, 2) : g;
  const at::Tensor norm = x.flatten(1).norm(2, 1).view({-1, 1, 1});
  x = (x / (norm + kTiny)).to(at::kBFloat16);
  for (int i = 0; i < 5; ++i) {
    const at::Tensor a = x.bmm(x.transpose(1, 2));
    x = kA * x + (kB * a + kC * a.bmm(a)).bmm(x);
  }
  x = x.to(at::kFloat);
  return tall ? x.transpose(1, 2) : x;
}

Muon::Muon(std::vector<at::Tensor> matrices, Options options)
    : matrices_(std::move(matrices)), options_(options) {
  const GradMode no_gradients(false);
  for (const auto& matrix : matrices_) {
    CL_CHECK(matrix.dim() == 2, "Muon was given a tensor of {} axes", matrix.dim());
    momenta_.push_back(at::zeros_like(matrix));
  }
}

void Muon::step(double lr) {
  const GradMode no_gradients(false);
  struct Part {
    at::Tensor weight, update;
  };
  // Parts of one shape go through the iterations together.
  std::map<std::pair<int64_t, int64_t>, std::vector<Part>> by_shape;
  for (size_t i = 0; i < matrices_.size(); ++i) {
    const at::Tensor& weight = matrices_[i];
    const at::Tensor& gradient = weight.grad();
    momenta_[i].mul_(options_.momentum).add_(gradient);
    const at::Tensor update = gradient + options_.momentum * momenta_[i];
    const int64_t parts = weight.size(0) == 3 * weight.size(1) ? 3 : 1;
    const auto weights = weight.chunk(parts, 0);
    const auto updates = update.chunk(parts, 0);
    for (size_t j = 0; j < weights.size(); ++j) {
      by_shape[{weights[j].size(0), weights[j].size(1)}].push_back({weights[j], updates[j]});
    }
  }
  for (auto& [shape, parts] : by_shape) {
    std::vector<at::Tensor> updates;
    for (const Part& part : parts) updates.push_back(part.update);
    const auto directions = orthogonalised(at::stack(updates)).unbind(0);
    const auto [rows, columns] = shape;
    const double ratio = static_cast<double>(rows) / static_cast<double>(columns);
    const double rate = lr * std::sqrt(std::max(1.0, ratio));
    for (size_t j = 0; j < parts.size(); ++j) {
      parts[j].weight.mul_(1 - lr * options_.weight_decay).sub_(directions[j], rate);
    }
  }
}

State Muon::save() const {
  State state;
  for (size_t i = 0; i < momenta_.size(); ++i) {
    state.emplace_back(fmt::format("muon.{}", i), momenta_[i].clone());
  }
  return state;
}

void Muon::load(const State& state) {
  const GradMode no_gradients(false);
  for (size_t i = 0; i < momenta_.size(); ++i) {
    const at::Tensor* saved = find(state, fmt::format("muon.{}", i));
    if (saved == nullptr || saved->sizes() != momenta_[i].sizes()) {
      throw Error(fmt::format("saved momentum {} of Muon is missing or of another shape", i));
    }
    momenta_[i].copy_(*saved);
  }
}

}  // namespace cl::train
