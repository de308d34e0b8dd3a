// A bottleneck before or after single linear layers of a block.
//
// Layers that open a branch read x' = x + s U f(D x) in place of x (fc1: "mh_adapter" of the code);
// layers that close one give y + s U f(D y) in place of y (fc2: "output_adapter").
// Since x is what the norm before the layer gives, and nothing else reads it, the first acts on
// the norm: exactly W x' + b.
//
// Hu et al. 2023, "LLM-Adapters", sec. 2.2, in the form of its code.
//
// Differs: a new one changes nothing; the code draws U as well (init: normal). The places before
// qkv, one bottleneck for all three, and after proj are ours.
#include <array>

#include "core/nn/adapters/adapter.h"
#include "core/nn/adapters/bottleneck.h"
#include "core/nn/adapters/linear_layers.h"

namespace cl {
namespace {

constexpr std::array<std::string_view, 4> kTargets{"qkv", "proj", "fc1", "fc2"};
constexpr std::array<Site, kTargets.size()> kTargetSites{Site::kNorm1, Site::kProj, Site::kNorm2,
                                                         Site::kFc2};

class LinearSeries final : public Adapter {
 public:
  struct Options {
    BottleneckOptions function{.bottleneck = 256, .bias = false, .activation = "tanh"};
    std::vector<std::string> targets{"fc1", "fc2"};

    void fields(config::Fields& fields) {
      fields.include(function);
      fields.field("targets", targets,
                   "layers that it stands before (qkv, fc1) or after (proj, fc2)");
    }
    void check(const config::Node& node) const {
      check_layer_names(node.at_or_null("targets"), targets, kTargets);
    }
  };

  LinearSeries(const Options& options, const AdapterParts& parts) {
    for (size_t i = 0; i < kTargets.size(); ++i) {
      if (!is_named(options.targets, kTargets[i])) continue;
      functions_[i] = make_bottleneck(options.function, parts.dim, parts.dim,
                                      parts.key.child(kTargets[i]), parts.device);
      functions_[i]->drops_input = true;
    }
  }

  [[nodiscard]] std::vector<Site> sites() const override {
    std::vector<Site> result;
    for (size_t i = 0; i < kTargets.size(); ++i) {
      if (functions_[i]) result.push_back(kTargetSites[i]);
    }
    return result;
  }

  [[nodiscard]] Tensor delta(const SiteCall& call, const Tensor& out) const override {
    const auto* site = std::find(kTargetSites.begin(), kTargetSites.end(), call.site);
    return (*functions_[static_cast<size_t>(site - kTargetSites.begin())])(out);
  }

  void draw_from(const std::optional<RngKey>& pass) override {
    for (size_t i = 0; i < functions_.size(); ++i) {
      if (!functions_[i]) continue;
      functions_[i]->pass = child(pass, kTargets[i]);
    }
  }

  void tensors(TensorVisitor& visitor) override {
    for (size_t i = 0; i < kTargets.size(); ++i) {
      if (functions_[i]) visitor.child(kTargets[i], *functions_[i]);
    }
  }

 private:
  std::array<std::optional<Bottleneck>, kTargets.size()> functions_;
};

const RegisterAdapter<LinearSeries> kRegistered{"linear_series",
                                                "bottleneck before or after single linear layers",
                                                "Hu et al. 2023, \"LLM-Adapters\", sec. 2.2"};

}  // namespace
}  // namespace cl
