// MoSA: one adapter whose weights are split among experts that train apart and are then merged.
//
// Each expert holds the whole adapter but trains a random part of the entries; all start alike. In
// a pass of training one expert acts in each place, drawn anew for each pass; at test all of them
// together do, as one adapter of the usual size whose weight moved by the mean of their moves. One
// of the two projections may stay a plain one that all share.
//
// Zhang et al. 2023, "MoSA: Mixture of Sparse Adapters for Visual Efficient Tuning" (v1: "Split &
// Merge"), in the form of its code; the styles are those of AdaptFormer, Pfeiffer and Houlsby.
//
// Differs: experts share one tensor, in which each owns entries, in place of N copies with masked
// gradients: the same for sgd; with Adam an expert that was not yet drawn is stepped too, and
// weight decay leaves an expert's other entries alone.
#include <array>

#include <fmt/format.h>

#include "core/config/idle_option.h"
#include "core/nn/activation.h"
#include "core/nn/adapters/adapter.h"
#include "core/nn/adapters/expert_linear.h"
#include "core/nn/dropout.h"

namespace cl {
namespace {

constexpr std::array<std::string_view, 3> kStyles{"adaptformer", "pfeiffer", "houlsby"};
constexpr std::array<std::string_view, 3> kShares{"down", "up", "none"};
constexpr double kLayerNormEps = 1e-6;

class Mosa final : public Adapter {
 public:
  struct Options {
    int64_t bottleneck = 64;
    int64_t experts = 4;
    std::string share = "down";
    std::string style = "adaptformer";
    double scale = 0.1;
    double dropout = 0.1;

    void fields(config::Fields& fields) {
      fields.field("bottleneck", bottleneck, "width of the bottleneck", {.min = 1});
      fields.field("experts", experts, "N; 1: the standard adapter", {1, 255});
      fields.field("share", share, "projection that is not split", kShares);
      fields.field("style", style,
                   "beside the MLP with a norm and gelu; after it with a norm and relu; or after "
                   "both residuals with silu",
                   kStyles);
      fields.field("scale", scale, "factor on its output, in style adaptformer");
      fields.field("dropout", dropout,
                   "share of hidden values dropped where a pass draws, in style adaptformer",
                   {0, 0.99});
    }
    void check(const config::Node& node) const {
      const Options standard;
      if (style != "adaptformer") {
        const char* problem = "only 'style: adaptformer' has it";
        config::refuse_idle(node, "scale", scale, standard.scale, problem);
        config::refuse_idle(node, "dropout", dropout, standard.dropout, problem);
      }
      if (experts == 1) {
        config::refuse_idle(node, "share", share, standard.share, "one expert splits nothing");
      }
    }
  };

  Mosa(const Options& options, const AdapterParts& parts)
      : style_(options.style), scale_(options.scale), drop_share_(options.dropout) {
    if (style_ == "houlsby") {
      add("attention", Site::kAttention, options, parts);
      add("block", Site::kBlockOutput, options, parts);
    } else {
      add("mlp", Site::kMlp, options, parts);
      norm_ = make_layer_norm(parts.dim, kLayerNormEps, parts.device);
    }
  }

  [[nodiscard]] std::vector<Site> sites() const override {
    std::vector<Site> result;
    for (const Projections& own : projections_) result.push_back(own.site);
    return result;
  }

  [[nodiscard]] Tensor delta(const SiteCall& call, const Tensor& out) const override {
    const Projections& own =
        call.site == projections_.front().site ? projections_.front() : projections_.back();
    // The residual after attention is not yet added at its site; that of the block is.
    if (call.site == Site::kAttention) return run(own, call.stream.add(out), Activation::kSilu);
    if (call.site == Site::kBlockOutput) return run(own, out, Activation::kSilu);
    if (style_ == "pfeiffer") return run(own, norm_(out), Activation::kRelu);
    return run(own, norm_(call.stream), Activation::kGelu).mul(scale_);
  }

  void draw_from(const std::optional<RngKey>& pass) override { pass_ = pass; }

  void merge_experts(const RngKey& key) override {
    for (Projections& own : projections_) {
      own.down.merge(key.child(own.name).child("down"));
      own.up.merge(key.child(own.name).child("up"));
    }
  }

  void tensors(TensorVisitor& visitor) override {
    visitor.child("norm", norm_);
    for (Projections& own : projections_) {
      visitor.child(fmt::format("{}.down", own.name), own.down);
      visitor.child(fmt::format("{}.up", own.name), own.up);
    }
  }

 private:
  struct Projections {
    std::string_view name;
    Site site;
    ExpertLinear down, up;
  };

  void add(std::string_view name, Site site, const Options& options, const AdapterParts& parts) {
    const RngKey key = parts.key.child(name);
    const auto split = [&](std::string_view projection, Linear start) {
      return ExpertLinear(std::move(start), options.share == projection ? 1 : options.experts,
                          key.child(projection).child("partition"));
    };
    projections_.push_back(
        {name, site,
         split("down", make_linear_zero_bias(parts.dim, options.bottleneck, key.child("down"),
                                             parts.device)),
         split("up", make_linear_zero(options.bottleneck, parts.dim, parts.device))});
  }

  [[nodiscard]] Tensor run(const Projections& own, const Tensor& x, Activation activation) const {
    const std::optional<RngKey> key = child(pass_, own.name);
    const auto drawn = [&](std::string_view projection, const ExpertLinear& experts) {
      if (!key) return std::optional<int64_t>();
      std::mt19937_64 engine = key->child(projection).engine();
      return std::optional(uniform_index(engine, experts.num_experts()));
    };
    Tensor hidden = activate(activation, own.down(x, drawn("down", own.down)));
    if (style_ == "adaptformer") hidden = drop(hidden, drop_share_, child(key, "dropout"));
    return own.up(hidden, drawn("up", own.up));
  }

  std::string style_;
  double scale_, drop_share_;
  LayerNorm norm_;                        // undefined in style houlsby
  std::vector<Projections> projections_;  // in the order of a pass
  std::optional<RngKey> pass_;
};

const RegisterAdapter<Mosa> kRegistered{
    "mosa", "adapter of sparse experts that are merged",
    "Zhang et al. 2023, \"MoSA: Mixture of Sparse Adapters for Visual Efficient Tuning\""};

}  // namespace
}  // namespace cl
