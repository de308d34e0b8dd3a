// The function that most adapters share: down, an activation, up.
#pragma once

#include <optional>
#include <string>

#include "core/config/fields.h"
#include "core/nn/activation.h"
#include "core/nn/adapters/adapter.h"
#include "core/nn/layers.h"

namespace cl {

/// f(x) = s (U act(D x + b_D) + b_U). Papers often write it without the biases. In a pass that
/// draws, a share of the hidden values act(...), or of x, is dropped.
struct Bottleneck {
  Linear down;  // [width, in]
  Linear up;    // [out, width]
  Activation activation = Activation::kRelu;
  double scale = 1;
  Tensor learned_scale;  // [1], in place of `scale`; or undefined
  double dropout = 0;    // the share that is dropped
  bool drops_input = false;
  std::optional<RngKey> pass = std::nullopt;  // what a mask is drawn from; see Adapter::draw_from

  [[nodiscard]] Tensor operator()(const Tensor& x) const;  // x [..., in] -> [..., out]
  void tensors(TensorVisitor& visitor);
};

struct BottleneckOptions {
  int64_t bottleneck = 16;
  int64_t reduction = 0;
  bool bias = true;
  std::string activation = "relu";
  double scale = 1;
  bool learned_scale = false;
  std::string init = "mam";
  double dropout = 0;

  void fields(config::Fields& fields);
  /// @param standard  the defaults   @throws ConfigError for an option without effect
  void check(const config::Node& node, const BottleneckOptions& standard) const;
  /// Of the bottleneck between vectors of `in` numbers.
  [[nodiscard]] int64_t width(int64_t in) const;
};

/// Exactly zero when new with init "mam": D from U(-1/sqrt(in), 1/sqrt(in)), all else zero. With
/// "normal" D and U are from N(0, 0.02^2): next to zero.
Bottleneck make_bottleneck(const BottleneckOptions& options, int64_t in, int64_t out,
                           const RngKey& key, c10::Device device);

}  // namespace cl
