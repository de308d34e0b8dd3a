#include "core/nn/vit/patch_embed.h"

#include <bit>
#include <cmath>
#include <vector>

#include <ATen/ops/gelu.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "core/base/check.h"
#include "core/nn/flops.h"
#include "core/nn/init.h"

namespace cl::vit {
namespace {

constexpr int64_t kColours = 3;
// Of the conv stem's norms.
constexpr int64_t kGroups = 8;
constexpr double kGroupNormEps = 1e-5;

struct Convolution {
  Tensor weight;  // [out, in, size, size]
  Tensor bias;    // [out]
  int64_t stride = 1, padding = 0;

  [[nodiscard]] Tensor operator()(const Tensor& x) const {
    return convolution(x, weight, bias, stride, padding);
  }
  void tensors(TensorVisitor& visitor) {
    visitor.parameter("weight", weight);
    visitor.parameter("bias", bias);
  }
};

struct GroupNorm {
  Tensor weight, bias;  // [channels]

  [[nodiscard]] Tensor operator()(const Tensor& x) const {
    // In lower precision only products are: a norm takes what its own weights are.
    return at::group_norm(x.to(weight.scalar_type()), kGroups, weight, bias, kGroupNormEps);
  }
  void tensors(TensorVisitor& visitor) {
    visitor.parameter("weight", weight);
    visitor.parameter("bias", bias);
  }
};

/// Bias zero, weight U(+-1/sqrt(fan in)).
Convolution make_convolution(at::IntArrayRef shape, const RngKey& key, c10::Device device) {
  const double bound = 1 / std::sqrt(static_cast<double>(shape[1] * shape[2] * shape[3]));
  return {.weight = init::uniform(shape, -bound, bound, key, device),
          .bias = at::zeros({shape[0]}, at::TensorOptions(at::kFloat).device(device))};
}

Tensor as_tokens(const Tensor& maps) {
  return maps.flatten(2).transpose(1, 2);
}

class OneConvolution final : public PatchEmbed {
 public:
  OneConvolution(const Architecture& architecture, const RngKey& key, c10::Device device) {
    const int64_t patch = architecture.patch_size;
    projection_ =
        make_convolution({architecture.width, kColours, patch, patch}, key.child("proj"), device);
    projection_.stride = patch;
  }

  [[nodiscard]] Tensor operator()(const Tensor& images) const override {
    return as_tokens(projection_(images));
  }
  void tensors(TensorVisitor& visitor) override { visitor.child("proj", projection_); }

 private:
  Convolution projection_;
};

class ConvolutionalStem final : public PatchEmbed {
 public:
  ConvolutionalStem(const Architecture& architecture, const RngKey& key, c10::Device device) {
    const auto options = at::TensorOptions(at::kFloat).device(device);
    int64_t in = kColours;
    int64_t out = architecture.width / (architecture.patch_size / 2);
    for (; out < architecture.width; out *= 2) {
      const RngKey own = key.child("stem").child(steps_.size());
      steps_.push_back(
          {halving(in, out, own, device), {at::ones({out}, options), at::zeros({out}, options)}});
      in = out;
    }
    projection_ = halving(in, out, key.child("proj"), device);
  }

  [[nodiscard]] Tensor operator()(const Tensor& images) const override {
    Tensor maps = images;
    for (const Step& step : steps_) maps = at::gelu(step.norm(step.conv(maps)));
    return as_tokens(projection_(maps));
  }
  void tensors(TensorVisitor& visitor) override {
    visitor.children("stem", steps_);
    visitor.child("proj", projection_);
  }

 private:
  struct Step {
    Convolution conv;
    GroupNorm norm;
    void tensors(TensorVisitor& visitor) {
      visitor.child("conv", conv);
      visitor.child("norm", norm);
    }
  };

  static Convolution halving(int64_t in, int64_t out, const RngKey& key, c10::Device device) {
    Convolution result = make_convolution({out, in, 3, 3}, key, device);
    result.stride = 2;
    result.padding = 1;
    return result;
  }

  std::vector<Step> steps_;
  Convolution projection_;
};

}  // namespace

bool fits(const Architecture& architecture) {
  if (architecture.stem == kStems[0]) return true;
  const auto patch = static_cast<uint64_t>(architecture.patch_size);
  return patch >= 2 && std::has_single_bit(patch) &&
         architecture.width % (architecture.patch_size / 2 * kGroups) == 0;
}

std::unique_ptr<PatchEmbed> make_patch_embed(const Architecture& architecture, const RngKey& key,
                                             c10::Device device) {
  CL_CHECK(fits(architecture));
  if (architecture.stem == kStems[0]) {
    return std::make_unique<OneConvolution>(architecture, key, device);
  }
  return std::make_unique<ConvolutionalStem>(architecture, key, device);
}

}  // namespace cl::vit
