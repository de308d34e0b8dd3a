// LoRA: a low-rank change of the projections to queries, keys and values.
//
// W x becomes W x + (alpha / r) B A x for each chosen projection, with A drawn and B zero. Being
// linear, it can be added to W once trained: then it costs nothing.
#include <algorithm>
#include <array>
#include <set>

#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/base/check.h"
#include "core/nn/adapters/adapter.h"
#include "core/nn/layers.h"

namespace cl {
namespace {

// In the order of the fused projection's rows.
constexpr std::array<std::string_view, 3> kProjections{"q", "k", "v"};

struct LowRank {
  Tensor a;  // [rank, dim]; undefined where the projection is left alone
  Tensor b;  // [dim, rank]

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

    void fields(config::Fields& fields) {
      fields.field("rank", rank, "rank of each change", {.min = 1});
      fields.field("alpha", alpha, "the change is scaled by alpha / rank");
      fields.field("targets", targets, "projections that it changes: q, k, v");
    }
    void check(const config::Node& node) const {
      const config::Node place = node.at_or_null("targets");
      if (targets.empty()) place.fail("at least one of q, k, v is needed");
      for (const std::string& target : targets) {
        if (std::find(kProjections.begin(), kProjections.end(), target) == kProjections.end()) {
          place.fail(fmt::format("unknown projection '{}', expected q, k or v", target));
        }
      }
      if (std::set<std::string>(targets.begin(), targets.end()).size() != targets.size()) {
        place.fail("a projection is named twice");
      }
    }
  };

  Lora(const Options& options, const AdapterParts& parts)
      : dim_(parts.dim), scale_(options.alpha / static_cast<double>(options.rank)) {
    for (size_t i = 0; i < kProjections.size(); ++i) {
      if (std::find(options.targets.begin(), options.targets.end(), kProjections[i]) ==
          options.targets.end()) {
        continue;
      }
      changes_[i].a =
          make_linear_zero_bias(dim_, options.rank, parts.key.child(kProjections[i]), parts.device)
              .weight;
      changes_[i].b = make_linear_zero(options.rank, dim_, parts.device).weight;
    }
  }

  [[nodiscard]] std::vector<Site> sites() const override { return {Site::kQkv}; }

  [[nodiscard]] Tensor delta(const SiteCall& call, const Tensor& out) const override {
    std::vector<Tensor> parts;  // [N, T, dim] each
    for (size_t i = 0; i < changes_.size(); ++i) {
      const LowRank& change = changes_[i];
      parts.push_back(change.a.defined()
                          ? at::linear(at::linear(call.input, change.a).mul(scale_), change.b)
                          : at::zeros(call.input.sizes(), out.options()));
    }
    return at::cat(parts, -1);
  }

  [[nodiscard]] std::optional<Tensor> weight_delta(Site /*site*/) const override {
    const auto changed = std::find_if(changes_.begin(), changes_.end(),
                                      [](const LowRank& change) { return change.a.defined(); });
    const Tensor none = at::zeros({dim_, dim_}, changed->a.options().requires_grad(false));
    std::vector<Tensor> parts;  // [dim, dim] each
    for (const LowRank& change : changes_) {
      parts.push_back(change.a.defined() ? change.b.matmul(change.a).mul(scale_) : none);
    }
    return at::cat(parts, 0);
  }

  void tensors(TensorVisitor& visitor) override {
    for (size_t i = 0; i < changes_.size(); ++i) visitor.child(kProjections[i], changes_[i]);
  }

 private:
  int64_t dim_;
  double scale_;
  std::array<LowRank, kProjections.size()> changes_;
};

const RegisterAdapter<Lora> kRegistered{
    "lora", "low-rank change of the query, key and value projections",
    "Hu et al. 2022, LoRA: Low-Rank Adaptation of Large Language Models, sec. 4.1"};

}  // namespace
}  // namespace cl
