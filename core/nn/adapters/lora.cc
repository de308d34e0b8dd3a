// LoRA: low-rank changes of the linear layers of a block.
//
// W x becomes W x + (alpha / r) B A x for each chosen layer, with A drawn and B zero. Being linear,
// it can be added to W once trained: then it costs nothing.
//
// Hu et al. 2022, "LoRA", sec. 4.1.
//
// Differs: the rank is 4 and the layers are q and v by default; Hu et al. 2023 ("LLM-Adapters")
// change q, k, v and both layers of the MLP with rank 32 and alpha 64, and drop 0.05 of x.
#include <ATen/ops/zeros.h>

#include "core/nn/adapters/adapter.h"
#include "core/nn/adapters/linear_layers.h"
#include "core/nn/dropout.h"
#include "core/nn/layers.h"

namespace cl {
namespace {

struct LowRank {
  Tensor a;  // [rank, in]; undefined where the layer is left alone
  Tensor b;  // [out, rank]

  void tensors(TensorVisitor& visitor) {
    visitor.parameter("a", a);
    visitor.parameter("b", b);
  }
};

class Lora final : public Adapter {
 public:
  struct Options {
    int64_t rank = 4;
    double alpha = 4;
    std::vector<std::string> targets{"q", "v"};
    double dropout = 0;

    void fields(config::Fields& fields) {
      fields.field("rank", rank, "rank of each change", {.min = 1});
      fields.field("alpha", alpha, "the change is scaled by alpha / rank");
      fields.field("targets", targets, "layers that it changes: q, k, v, proj, fc1, fc2");
      fields.field("dropout", dropout,
                   "share of what each of them reads that is dropped in training", {0, 0.99});
    }
    void check(const config::Node& node) const {
      check_layer_names(node.at_or_null("targets"), targets, kLinearLayers);
    }
  };

  Lora(const Options& options, const AdapterParts& parts)
      : dim_(parts.dim),
        scale_(options.alpha / static_cast<double>(options.rank)),
        drop_share_(options.dropout),
        sites_(linear_sites(options.targets)) {
    for (size_t i = 0; i < changes_.size(); ++i) {
      if (!is_named(options.targets, kLinearLayers[i])) continue;
      const LinearWidths widths = linear_widths(i, parts);
      changes_[i].a = make_linear_zero_bias(widths.in, options.rank,
                                            parts.key.child(kLinearLayers[i]), parts.device)
                          .weight;
      changes_[i].b = make_linear_zero(options.rank, widths.out, parts.device).weight;
    }
  }

  [[nodiscard]] std::vector<Site> sites() const override { return sites_; }

  [[nodiscard]] Tensor delta(const SiteCall& call, const Tensor& out) const override {
    return joined_at(call.site, -1, [&](size_t i) {
      const LowRank& change = changes_[i];
      // Only of the fused layer a part may be left alone.
      if (!change.a.defined()) return at::zeros(call.input.sizes(), out.options());
      const Tensor x = drop(call.input, drop_share_, child(pass_, kLinearLayers[i]));
      return Linear{change.b, {}}(Linear{change.a, {}}(x).mul(scale_));
    });
  }

  void draw_from(const std::optional<RngKey>& pass) override { pass_ = pass; }

  [[nodiscard]] std::optional<Tensor> weight_delta(Site site) const override {
    const auto changed = std::find_if(changes_.begin(), changes_.end(),
                                      [](const LowRank& change) { return change.a.defined(); });
    const auto plain = changed->a.options().requires_grad(false);
    return joined_at(site, 0, [&](size_t i) {
      const LowRank& change = changes_[i];
      if (!change.a.defined()) return at::zeros({dim_, dim_}, plain);
      return change.b.matmul(change.a).mul(scale_);
    });
  }

  void tensors(TensorVisitor& visitor) override {
    for (size_t i = 0; i < changes_.size(); ++i) visitor.child(kLinearLayers[i], changes_[i]);
  }

 private:
  int64_t dim_;
  double scale_, drop_share_;
  std::vector<Site> sites_;
  PerLinearLayer<LowRank> changes_;
  std::optional<RngKey> pass_;
};

const RegisterAdapter<Lora> kRegistered{
    "lora", "low-rank change of the linear layers",
    "Hu et al. 2022, LoRA: Low-Rank Adaptation of Large Language Models, sec. 4.1"};

}  // namespace
}  // namespace cl
