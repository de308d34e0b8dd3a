// A pre-trained network that turns samples into features, and can be entered and left between its
// blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <c10/core/Device.h>

#include "core/base/rng.h"
#include "core/config/registry.h"
#include "core/nn/hooks.h"
#include "core/nn/recompute.h"
#include "core/stream/stream.h"
#include "core/weights/tensor_visitor.h"

namespace cl {

struct BackboneInfo {
  std::string name;
  int64_t dim = 0;         // width of a token and of a feature
  int64_t depth = 0;       // number of blocks
  int64_t num_tokens = 0;  // tokens of one sample, special ones included
  int64_t num_heads = 0;
  int64_t hidden = 0;                 // width within the MLP of a block
  int64_t num_special_tokens = 0;     // leading tokens that stand for no part of the sample (CLS)
  std::vector<int64_t> sample_shape;  // of one x: what `embed` takes
  std::string weights_digest;         // of all tensors as built; the run file records it
  std::string options;                // canonical, without files: what else decides its output
};

/// What the option `weights` of a backbone says where no file gives them: nothing is pre-trained.
/// (A file of that name is './random'.)
inline constexpr std::string_view kRandomWeights = "random";

struct BackboneParts {
  RngKey key;  // for weights that no file gives
  c10::Device device;
};

/// Blocks between an embedding and a norm. `forward` is the composition of the pieces, so a frozen
/// prefix can be computed once and continued later: with the same hooks the cut changes nothing.
/// Comes frozen; who trains it calls set_trainable.
class Backbone {
 public:
  static constexpr std::string_view kKind = "backbone";
  using Parts = BackboneParts;
  struct Traits {
    Target input = Target::kClass;
    /// Whether it can be built on LibTorch's meta device: names and shapes without values, those of
    /// its files compared with its own.
    bool has_outline = false;
  };

  virtual ~Backbone() = default;
  [[nodiscard]] virtual const BackboneInfo& info() const = 0;
  /// A copy with tensors of its own, which require no gradients.
  [[nodiscard]] virtual std::unique_ptr<Backbone> clone() = 0;
  /// x [N, ...sample] -> tokens entering block 0 [N, T, dim]
  [[nodiscard]] virtual Tensor embed(const Tensor& x, Hooks& hooks) const = 0;
  /// The position vector [dim] that `embed` adds to the first special token: prompts inserted
  /// beside it carry the same one. Zero where there is none.
  [[nodiscard]] virtual Tensor special_position() const = 0;
  /// Runs blocks [first, last) on tokens [N, any T, dim].
  [[nodiscard]] virtual Tensor blocks(Tensor tokens, int64_t first, int64_t last,
                                      Hooks& hooks) const = 0;
  /// The norm after the last block, [N, T, dim].
  [[nodiscard]] virtual Tensor norm(const Tensor& tokens, Hooks& hooks) const = 0;
  /// Normed tokens [N, T, dim] -> features [N, dim].
  [[nodiscard]] virtual Tensor pool(const Tensor& tokens) const = 0;
  /// features [N, dim] -> logits of the head that came with the weights, where there is one.
  [[nodiscard]] virtual std::optional<Tensor> logits(const Tensor& features) const = 0;
  /// The weight matrix that produces `out` at a site (kQkv, kProj, kFc1, kFc2), for folding a
  /// weight delta into it.
  /// @throws Error where the site has no single weight
  [[nodiscard]] virtual Tensor& weight_at(Site site, int64_t layer) = 0;
  /// Says how passes in training go on. A backbone that has nothing to compute again ignores it.
  virtual void recompute(Recompute /*which*/) {}
  /// Names its tensors as the weight files of its family do.
  virtual void tensors(TensorVisitor& visitor) = 0;

  /// The same where nobody looks on.
  [[nodiscard]] Tensor embed(const Tensor& x) const {
    Hooks none;
    return embed(x, none);
  }
  [[nodiscard]] Tensor norm(const Tensor& tokens) const {
    Hooks none;
    return norm(tokens, none);
  }
  /// x [N, ...sample] -> features [N, dim]
  [[nodiscard]] Tensor forward(const Tensor& x, Hooks& hooks) const {
    return pool(norm(blocks(embed(x, hooks), 0, info().depth, hooks), hooks));
  }
};

using Backbones = Registry<Backbone>;
template <class T>
using RegisterBackbone = Register<Backbone, T>;

}  // namespace cl
