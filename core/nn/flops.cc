#include "core/nn/flops.h"

#include <utility>

#include <c10/core/GradMode.h>

namespace cl {
namespace {

// The products of attention, scores and mixture, each for every pair of tokens.
double attention_flops(int64_t samples, int64_t queries, int64_t keys, int64_t dim) {
  return 2 * linear_flops(samples * queries, dim, keys);
}

bool needs_gradient(const std::optional<Prefix>& prefix) {
  return prefix && (prefix->key.requires_grad() || prefix->value.requires_grad());
}

/// Looks on while `hooks` act.
class CountingHooks final : public Hooks {
 public:
  CountingHooks(Hooks& hooks, Backbone& backbone, FlopCount& count)
      : hooks_(hooks), backbone_(backbone), count_(count) {}

  Tensor at(const SiteCall& call, Tensor out) override {
    switch (call.site) {
      case Site::kPatches:
        add(static_cast<double>(out.size(0)) * backbone_.info().embed_flops,
            out.requires_grad() ? 1 : 0);  // images need no gradient
        break;
      case Site::kQkv: {
        add_linear(call, out);
        Tensor projected = hooks_.at(call, std::move(out));
        add_attention(projected);
        return projected;
      }
      case Site::kProj:
      case Site::kFc1:
      case Site::kFc2:
        add_linear(call, out);
        break;
      default:
        break;
    }
    return hooks_.at(call, std::move(out));
  }

  std::optional<Prefix> prefix(int64_t layer, const Tensor& tokens) override {
    auto result = hooks_.prefix(layer, tokens);
    prefix_tokens_ = result ? result->key.size(2) : 0;
    prefix_needs_gradient_ = needs_gradient(result);
    return result;
  }

 private:
  /// @param factors  that need a gradient, for each product
  void add(double flops, double factors) {
    count_.forward += flops;
    if (c10::GradMode::is_enabled()) count_.backward += factors * flops;
  }

  void add_linear(const SiteCall& call, const Tensor& out) {
    const int64_t in = call.input.size(-1), width = out.size(-1);
    const bool of_input = call.input.requires_grad();
    const bool of_weight = backbone_.weight_at(call.site, call.layer).requires_grad();
    add(linear_flops(out.numel() / width, in, width), (of_input ? 1 : 0) + (of_weight ? 1 : 0));
  }

  /// @param projected  queries, keys and values [N, T, 3 dim]
  void add_attention(const Tensor& projected) {
    const int64_t tokens = projected.size(1);
    const double flops =
        attention_flops(projected.size(0), tokens, prefix_tokens_ + tokens, projected.size(2) / 3);
    // Below a trained prefix nothing needs the gradient of the queries: three factors of four.
    const double factors = projected.requires_grad() ? 2 : prefix_needs_gradient_ ? 1.5 : 0;
    add(flops, factors);
  }

  Hooks& hooks_;
  Backbone& backbone_;
  FlopCount& count_;
  int64_t prefix_tokens_ = 0;  // of the block that runs
  bool prefix_needs_gradient_ = false;
};

class CountedBackbone final : public Backbone {
 public:
  CountedBackbone(std::unique_ptr<Backbone> backbone, std::shared_ptr<FlopCount> count)
      : backbone_(std::move(backbone)), count_(std::move(count)) {}

  [[nodiscard]] const BackboneInfo& info() const override { return backbone_->info(); }
  [[nodiscard]] std::unique_ptr<Backbone> clone() override {
    return counted(backbone_->clone(), count_);
  }
  [[nodiscard]] Tensor embed(const Tensor& x, Hooks& hooks) const override {
    CountingHooks counting(hooks, *backbone_, *count_);
    return backbone_->embed(x, counting);
  }
  [[nodiscard]] Tensor special_position() const override { return backbone_->special_position(); }
  [[nodiscard]] Tensor blocks(Tensor tokens, int64_t first, int64_t last,
                              Hooks& hooks) const override {
    CountingHooks counting(hooks, *backbone_, *count_);
    return backbone_->blocks(std::move(tokens), first, last, counting);
  }
  [[nodiscard]] Tensor norm(const Tensor& tokens, Hooks& hooks) const override {
    return backbone_->norm(tokens, hooks);
  }
  [[nodiscard]] Tensor pool(const Tensor& tokens) const override { return backbone_->pool(tokens); }
  [[nodiscard]] std::optional<Tensor> logits(const Tensor& features) const override {
    return backbone_->logits(features);
  }
  [[nodiscard]] Tensor& weight_at(Site site, int64_t layer) override {
    return backbone_->weight_at(site, layer);
  }
  void tensors(TensorVisitor& visitor) override { backbone_->tensors(visitor); }

 private:
  std::unique_ptr<Backbone> backbone_;
  std::shared_ptr<FlopCount> count_;
};

}  // namespace

double linear_flops(int64_t rows, int64_t in, int64_t out) {
  return 2 * static_cast<double>(rows) * static_cast<double>(in) * static_cast<double>(out);
}

double block_flops(const BackboneInfo& info) {
  const int64_t tokens = info.num_tokens, dim = info.dim;
  return linear_flops(tokens, dim, 3 * dim) + attention_flops(1, tokens, tokens, dim) +
         linear_flops(tokens, dim, dim) + 2 * linear_flops(tokens, dim, info.hidden);
}

double forward_flops(const BackboneInfo& info) {
  return info.embed_flops + static_cast<double>(info.depth) * block_flops(info);
}

std::unique_ptr<Backbone> counted(std::unique_ptr<Backbone> backbone,
                                  std::shared_ptr<FlopCount> count) {
  return std::make_unique<CountedBackbone>(std::move(backbone), std::move(count));
}

}  // namespace cl
