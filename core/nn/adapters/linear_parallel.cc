// A bottleneck beside single linear layers of a block.
//
// W x + b becomes W x + b + s U f(D x) for each chosen layer. With the identity for f this is LoRA;
// with another, it cannot be added to W.
//
// Hu et al. 2023, "LLM-Adapters", sec. 2.2, in the form of its code, whose note says that this is
// not the adapter beside a whole branch of the paper it names.
//
// Differs: a new one changes nothing; the code draws U as well (init: normal). The paper's tables
// are best with targets fc1 and fc2.
#include <ATen/ops/zeros.h>

#include "core/nn/adapters/adapter.h"
#include "core/nn/adapters/bottleneck.h"
#include "core/nn/adapters/linear_layers.h"

namespace cl {
namespace {

class LinearParallel final : public Adapter {
 public:
  struct Options {
    BottleneckOptions function{.bottleneck = 256, .bias = false, .activation = "tanh"};
    std::vector<std::string> targets{"q", "k", "v"};

    void fields(config::Fields& fields) {
      fields.include(function);
      fields.field("targets", targets, "layers that it stands beside: q, k, v, proj, fc1, fc2");
    }
    void check(const config::Node& node) const {
      check_layer_names(node.at_or_null("targets"), targets, kLinearLayers);
    }
  };

  LinearParallel(const Options& options, const AdapterParts& parts)
      : sites_(linear_sites(options.targets)) {
    for (size_t i = 0; i < functions_.size(); ++i) {
      if (!is_named(options.targets, kLinearLayers[i])) continue;
      const LinearWidths widths = linear_widths(i, parts);
      functions_[i] = make_bottleneck(options.function, widths.in, widths.out,
                                      parts.key.child(kLinearLayers[i]), parts.device);
      functions_[i]->drops_input = true;
    }
  }

  [[nodiscard]] std::vector<Site> sites() const override { return sites_; }

  [[nodiscard]] Tensor delta(const SiteCall& call, const Tensor& out) const override {
    return joined_at(call.site, -1, [&](size_t i) {
      // Only of the fused layer a part may be left alone.
      if (!functions_[i]) return at::zeros(call.input.sizes(), out.options());
      return (*functions_[i])(call.input);
    });
  }

  void draw_from(const std::optional<RngKey>& pass) override {
    for (size_t i = 0; i < functions_.size(); ++i) {
      if (!functions_[i]) continue;
      functions_[i]->pass = child(pass, kLinearLayers[i]);
    }
  }

  void tensors(TensorVisitor& visitor) override {
    for (size_t i = 0; i < functions_.size(); ++i) {
      if (functions_[i]) visitor.child(kLinearLayers[i], *functions_[i]);
    }
  }

 private:
  std::vector<Site> sites_;
  PerLinearLayer<std::optional<Bottleneck>> functions_;
};

const RegisterAdapter<LinearParallel> kRegistered{"linear_parallel",
                                                  "bottleneck beside single linear layers",
                                                  "Hu et al. 2023, \"LLM-Adapters\", sec. 2.2"};

}  // namespace
}  // namespace cl
