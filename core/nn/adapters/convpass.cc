// Convpass: a small convolution over the grid of patches, beside the branches of a block.
//
// Tokens go down to a few channels, lie down on the grid that their patches came from, and are
// convolved 3 x 3 before they go up again; a class token is a grid of 1 x 1. That gives a
// transformer the locality it lacks. Read is what the branch reads:
//   out + s U act(Conv(act(D x)))
//
// Jie and Deng 2022, "Convolutional Bypasses Are Better Vision Transformer Adapters", sec. 3.
// As in its code the convolution starts as the identity and the way up at zero, and of the
// convolution's activated values are dropped in training, 0.1 of them.
//
// Differs: the paper chooses the scale for each data set from 0.01 to 100; here it is 1.
#include <array>
#include <cmath>
#include <utility>

#include <ATen/ops/cat.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/base/check.h"
#include "core/base/error.h"
#include "core/nn/activation.h"
#include "core/nn/adapters/adapter.h"
#include "core/nn/dropout.h"
#include "core/nn/flops.h"
#include "core/nn/init.h"
#include "core/nn/layers.h"

namespace cl {
namespace {

constexpr std::array<std::string_view, 3> kBesides{"both", "attention", "mlp"};

/// The bypass of one branch.
struct ConvolutionalBypass {
  ConvolutionalBypass(int64_t dim, int64_t channels, const RngKey& key, c10::Device device) {
    // Xavier-uniform, as the code.
    const double bound = std::sqrt(6 / static_cast<double>(dim + channels));
    down = make_linear_zero(dim, channels, device);
    down.weight =
        init::uniform({channels, dim}, -bound, bound, key, device).set_requires_grad(true);
    const auto options = at::TensorOptions(at::kFloat).device(device);
    const Tensor identity = at::zeros({channels, channels, 3, 3}, options);
    identity.select(3, 1).select(2, 1).copy_(at::eye(channels, options));
    kernel = identity.set_requires_grad(true);
    kernel_bias = at::zeros({channels}, options).set_requires_grad(true);
    up = make_linear_zero(channels, dim, device);
  }

  /// x [N, T, dim]: `num_special` tokens, then a square of patches row by row
  [[nodiscard]] Tensor operator()(const Tensor& x, int64_t num_special, int64_t side) const {
    const Tensor narrow = activate(activation, down(x));  // [N, T, channels]
    const int64_t n = narrow.size(0), channels = narrow.size(2);
    const Tensor special = narrow.narrow(1, 0, num_special);
    const Tensor alone = convolve(special.reshape({n * num_special, channels, 1, 1}))
                             .reshape({n, num_special, channels});
    const Tensor grid = narrow.narrow(1, num_special, side * side)
                            .transpose(1, 2)
                            .reshape({n, channels, side, side});
    const Tensor convolved = convolve(grid).flatten(2).transpose(1, 2);
    return up(drop(activate(activation, at::cat({alone, convolved}, 1)), dropout, pass));
  }

  [[nodiscard]] Tensor convolve(const Tensor& grid) const {
    return convolution(grid, kernel, kernel_bias, /*stride=*/1, /*padding=*/1);
  }

  void tensors(TensorVisitor& visitor) {
    visitor.child("down_proj", down);
    visitor.parameter("conv.weight", kernel);
    visitor.parameter("conv.bias", kernel_bias);
    visitor.child("up_proj", up);
  }

  Activation activation = Activation::kQuickGelu;
  double dropout = 0;
  std::optional<RngKey> pass = std::nullopt;  // see Adapter::draw_from
  Linear down, up;
  Tensor kernel, kernel_bias;  // [channels, channels, 3, 3], [channels]
};

class Convpass final : public Adapter {
 public:
  struct Options {
    int64_t channels = 8;
    std::string beside = "both";
    std::string activation = "quick_gelu";
    double scale = 1;
    double dropout = 0.1;

    void fields(config::Fields& fields) {
      fields.field("channels", channels, "of the convolution", {1, 100000});
      fields.field("beside", beside, "branches that have one", kBesides);
      fields.field("activation", activation, "before and after the convolution", kActivations);
      fields.field("scale", scale, "s: factor on the adapter's output");
      fields.field("dropout", dropout, "share of hidden values dropped in training", {0, 0.99});
    }
  };

  Convpass(const Options& options, const AdapterParts& parts)
      : scale_(options.scale), num_special_(parts.num_special_tokens) {
    const int64_t patches = parts.num_tokens - num_special_;
    side_ = std::llround(std::sqrt(static_cast<double>(patches)));
    if (patches < 1 || side_ * side_ != patches) {
      throw Error(fmt::format(
          "adapter 'convpass' needs patches in a square, the backbone has {} of them", patches));
    }
    const auto add = [&](std::string_view branch, Site site) {
      if (options.beside != branch && options.beside != kBesides[0]) return;
      ConvolutionalBypass bypass(parts.dim, options.channels, parts.key.child(branch),
                                 parts.device);
      bypass.activation = activation_named(options.activation);
      bypass.dropout = options.dropout;
      bypasses_.push_back({branch, site, std::move(bypass)});
    };
    add("attention", Site::kAttention);
    add("mlp", Site::kMlp);
  }

  [[nodiscard]] std::vector<Site> sites() const override {
    std::vector<Site> result;
    for (const Placed& placed : bypasses_) result.push_back(placed.site);
    return result;
  }

  [[nodiscard]] Tensor delta(const SiteCall& call, const Tensor& /*out*/) const override {
    CL_CHECK(call.input.size(1) == num_special_ + side_ * side_,
             "convpass was made for {} tokens and a grid of {} x {}, and met {} tokens",
             num_special_, side_, side_, call.input.size(1));
    const Placed& placed =
        call.site == bypasses_.front().site ? bypasses_.front() : bypasses_.back();
    return placed.bypass(call.input, num_special_, side_).mul(scale_);
  }

  void draw_from(const std::optional<RngKey>& pass) override {
    for (Placed& placed : bypasses_) placed.bypass.pass = child(pass, placed.branch);
  }

  void tensors(TensorVisitor& visitor) override {
    for (Placed& placed : bypasses_) visitor.child(placed.branch, placed.bypass);
  }

 private:
  struct Placed {
    std::string_view branch;
    Site site;
    ConvolutionalBypass bypass;
  };

  double scale_;
  int64_t num_special_, side_ = 0;
  std::vector<Placed> bypasses_;
};

const RegisterAdapter<Convpass> kRegistered{
    "convpass", "convolution over the patches beside attention and MLP",
    "Jie and Deng 2022, \"Convolutional Bypasses Are Better Vision Transformer Adapters\", sec. 3"};

}  // namespace
}  // namespace cl
