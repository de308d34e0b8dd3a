#include "core/nn/adapters/bottleneck.h"

#include <algorithm>
#include <array>

#include <ATen/ops/full.h>

#include "core/config/idle_option.h"
#include "core/nn/dropout.h"
#include "core/nn/init.h"

namespace cl {
namespace {

constexpr double kNormalStd = 0.02;
constexpr std::array<std::string_view, 2> kInits{"mam", "normal"};

}  // namespace

Tensor Bottleneck::operator()(const Tensor& x) const {
  const Tensor read = drops_input ? drop(x, dropout, pass) : x;
  const Tensor hidden = activate(activation, down(read));
  const Tensor result = up(drops_input ? hidden : drop(hidden, dropout, pass));
  if (learned_scale.defined()) return result.mul(learned_scale);
  return scale == 1 ? result : result.mul(scale);
}

void Bottleneck::tensors(TensorVisitor& visitor) {
  visitor.child("down_proj", down);
  visitor.child("up_proj", up);
  visitor.parameter("scale", learned_scale);
}

void BottleneckOptions::fields(config::Fields& fields) {
  fields.field("bottleneck", bottleneck, "width of the bottleneck", {.min = 1});
  fields.field("reduction", reduction, "the width is what comes in, over this; 0: see bottleneck",
               {.min = 0});
  fields.field("bias", bias, "whether its two layers have biases");
  fields.field("activation", activation, "between its two layers", kActivations);
  fields.field("scale", scale, "factor on the adapter's output");
  fields.field("learned_scale", learned_scale, "whether that is trained, from there");
  fields.field("init", init, "down drawn and up zero, or both from N(0, 0.02^2)", kInits);
  fields.field("dropout", dropout,
               "share dropped in training: of hidden values; beside linear layers, of what is read",
               {0, 0.99});
}

void BottleneckOptions::check(const config::Node& node, const BottleneckOptions& standard) const {
  if (reduction == 0) return;
  config::refuse_idle(node, "bottleneck", bottleneck, standard.bottleneck,
                      "reduction says how wide it is; give one of the two");
}

int64_t BottleneckOptions::width(int64_t in) const {
  return reduction == 0 ? bottleneck : std::max<int64_t>(1, in / reduction);
}

Bottleneck make_bottleneck(const BottleneckOptions& options, int64_t in, int64_t out,
                           const RngKey& key, c10::Device device) {
  const int64_t width = options.width(in);
  Bottleneck result{.down = make_linear_zero_bias(in, width, key, device),
                    .up = make_linear_zero(width, out, device),
                    .activation = activation_named(options.activation),
                    .scale = options.scale,
                    .learned_scale = {},
                    .dropout = options.dropout};
  if (options.init == kInits[1]) {
    const auto draw = [&](std::string_view purpose, at::IntArrayRef shape) {
      return init::normal(shape, 0, kNormalStd, key.child(purpose), device).set_requires_grad(true);
    };
    result.down.weight = draw("down", {width, in});
    result.up.weight = draw("up", {out, width});
  }
  if (!options.bias) result.down.bias = result.up.bias = Tensor();
  if (options.learned_scale) {
    result.learned_scale =
        at::full({1}, options.scale, at::TensorOptions(at::kFloat).device(device))
            .set_requires_grad(true);
  }
  return result;
}

}  // namespace cl
