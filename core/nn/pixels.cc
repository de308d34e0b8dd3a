// No network at all: an image's pixels are its feature. What a backbone's features must beat.
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/nn/backbone.h"
#include "core/weights/state.h"

namespace cl {
namespace {

class Pixels final : public Backbone {
 public:
  struct Options {
    int64_t image_size = 32;
    void fields(config::Fields& fields) {
      fields.field("image_size", image_size, "side of an image, pixels", {1, 4096});
    }
    [[nodiscard]] std::vector<int64_t> sample_shape() const { return {3, image_size, image_size}; }
  };

  Pixels(const Options& options, const BackboneParts& parts)
      : position_(at::zeros({3 * options.image_size * options.image_size},
                            at::TensorOptions(at::kFloat).device(parts.device))) {
    info_.name = "pixels";
    info_.dim = position_.size(0);
    info_.num_tokens = 1;
    info_.num_heads = 1;
    info_.sample_shape = options.sample_shape();
    info_.weights_digest = digest(State());
  }

  [[nodiscard]] const BackboneInfo& info() const override { return info_; }
  [[nodiscard]] std::unique_ptr<Backbone> clone() override {
    return std::make_unique<Pixels>(*this);
  }
  [[nodiscard]] Tensor embed(const Tensor& x, Hooks& hooks) const override {
    const Tensor tokens = x.flatten(1).unsqueeze(1);
    return hooks.at({Site::kPatches, 0, tokens, tokens}, tokens);
  }
  [[nodiscard]] Tensor blocks(Tensor tokens, int64_t, int64_t, Hooks&) const override {
    return tokens;
  }
  [[nodiscard]] Tensor norm(const Tensor& tokens, Hooks& hooks) const override {
    return hooks.at({Site::kNorm, 0, tokens, tokens}, tokens);
  }
  [[nodiscard]] Tensor pool(const Tensor& tokens) const override { return tokens.select(1, 0); }
  [[nodiscard]] Tensor special_position() const override { return position_; }
  [[nodiscard]] std::optional<Tensor> logits(const Tensor&) const override { return std::nullopt; }
  [[nodiscard]] Tensor& weight_at(Site, int64_t layer) override {
    throw Error(fmt::format("backbone 'pixels' has no block {}", layer));
  }
  void tensors(TensorVisitor&) override {}

 private:
  BackboneInfo info_;
  Tensor position_;  // [dim]
};

const RegisterBackbone<Pixels> kRegistered{"pixels", "no network: raw pixels as features",
                                           "baseline"};

}  // namespace
}  // namespace cl
