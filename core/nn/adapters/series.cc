// Series adapter: a bottleneck after a branch of a block, or after the block.
//
// Houlsby et al. put one behind attention and one behind the MLP, each before the residual:
// out + s f(out), with f a two-layer bottleneck. Pfeiffer et al. put a single one behind the MLP
// that reads the sum with the residual: that is `after: block`, since a pre-norm block has no norm
// there. With `coupling` the tokens entering block 0 go through an invertible function as well.
//
// The adapters library's names for them: double_seq_bn = {after: both, reduction: 16, activation:
// silu}, seq_bn = {after: block, reduction: 16}, seq_bn_inv = the same with {coupling: true}.
//
// Differs: the library draws both layers from N(0, 0.02^2) (init: normal); its inverse coupling
// before an output embedding has no place here, as for its own classification heads.
#include <array>
#include <optional>

#include "core/nn/adapters/adapter.h"
#include "core/nn/adapters/bottleneck.h"
#include "core/nn/adapters/coupling.h"

namespace cl {
namespace {

constexpr std::array<std::string_view, 4> kPlaces{"mlp", "block", "attention", "both"};

class SeriesAdapter final : public Adapter {
 public:
  struct Options {
    BottleneckOptions function;
    std::string after = "mlp";
    bool coupling = false;

    void fields(config::Fields& fields) {
      fields.include(function);
      fields.field("after", after,
                   "whose output it reads and is added to; both: one after attention, one after "
                   "the MLP",
                   kPlaces);
      fields.field("coupling", coupling, "in block 0, a NICE coupling of the tokens entering it");
    }
  };

  SeriesAdapter(const Options& options, const AdapterParts& parts) {
    const auto add = [&](Site site, std::string_view name, const RngKey& key) {
      functions_.push_back(
          {site, name, make_bottleneck(options.function, parts.dim, parts.dim, key, parts.device)});
    };
    if (options.after == "mlp") add(Site::kMlp, "", parts.key);
    if (options.after == "block") add(Site::kBlockOutput, "", parts.key);
    if (options.after == "attention") add(Site::kAttention, "", parts.key);
    if (options.after == "both") {
      add(Site::kAttention, "attention", parts.key.child("attention"));
      add(Site::kMlp, "mlp", parts.key.child("mlp"));
    }
    if (options.coupling && parts.layer == 0) {
      coupling_ =
          make_coupling(options.function, parts.dim, parts.key.child("coupling"), parts.device);
    }
  }

  [[nodiscard]] std::vector<Site> sites() const override {
    std::vector<Site> result;
    if (coupling_) result.push_back(Site::kBlockInput);
    for (const Function& function : functions_) result.push_back(function.site);
    return result;
  }

  [[nodiscard]] Tensor delta(const SiteCall& call, const Tensor& out) const override {
    if (call.site == Site::kBlockInput) return coupling_->delta(out);
    const bool is_last = call.site == functions_.back().site;
    return (is_last ? functions_.back() : functions_.front()).bottleneck(out);
  }

  void draw_from(const std::optional<RngKey>& pass) override {
    for (Function& function : functions_) {
      function.bottleneck.pass = child(pass, function.name);
    }
  }

  void tensors(TensorVisitor& visitor) override {
    if (coupling_) visitor.child("coupling", *coupling_);
    for (Function& function : functions_) {
      if (function.name.empty()) {
        function.bottleneck.tensors(visitor);
      } else {
        visitor.child(function.name, function.bottleneck);
      }
    }
  }

 private:
  struct Function {
    Site site;
    std::string_view name;  // empty where there is but one
    Bottleneck bottleneck;
  };

  std::optional<Coupling> coupling_;
  std::vector<Function> functions_;  // in the order of a pass
};

const RegisterAdapter<SeriesAdapter> kRegistered{
    "series",
    "bottleneck after attention, the MLP or the block",
    "Houlsby et al. 2019, Parameter-Efficient Transfer Learning for NLP, sec. 2.1; Pfeiffer et al. "
    "2020, MAD-X, sec. 4.1",
    {.first_block_option = "coupling"}};

}  // namespace
}  // namespace cl
