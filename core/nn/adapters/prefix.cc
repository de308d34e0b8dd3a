// Prefix tuning: learned keys and values that every token of a block also attends to.
//
// A table of `tokens` rows holds, for each block, a key and a value of the token's width; attention
// is over [P_K; K] and [P_V; V]. The rows are the same for every sample and carry no position.
//
// Li and Liang 2021, "Prefix-Tuning", sec. 4.2; without the network that produces the table, as in
// the code of Hu et al. 2023, "LLM-Adapters".
//
// A new prefix is drawn from N(0, 1), so it changes the network.
#include "core/base/error.h"
#include "core/nn/adapters/adapter.h"
#include "core/nn/init.h"

namespace cl {
namespace {

class PrefixTuning final : public Adapter {
 public:
  struct Options {
    int64_t tokens = 10;
    void fields(config::Fields& fields) {
      fields.field("tokens", tokens, "keys and values before a block's own", {1, 100000});
    }
  };

  PrefixTuning(const Options& options, const AdapterParts& parts) : num_heads_(parts.num_heads) {
    const auto draw = [&](std::string_view purpose) {
      return init::normal({options.tokens, parts.dim}, 0, 1, parts.key.child(purpose), parts.device)
          .set_requires_grad(true);
    };
    key_ = draw("key");
    value_ = draw("value");
  }

  [[nodiscard]] std::vector<Site> sites() const override { return {}; }
  [[nodiscard]] Tensor delta(const SiteCall& /*call*/, const Tensor& /*out*/) const override {
    throw InternalError("a prefix adds nothing at a site");
  }
  [[nodiscard]] std::optional<Prefix> prefix(const Tensor& tokens) const override {
    return Prefix{by_head(key_, tokens.size(0)), by_head(value_, tokens.size(0))};
  }
  void tensors(TensorVisitor& visitor) override {
    visitor.parameter("key", key_);
    visitor.parameter("value", value_);
  }

 private:
  /// [P, dim] -> [N, heads, P, dim / heads], head after head in a row
  [[nodiscard]] Tensor by_head(const Tensor& table, int64_t num_samples) const {
    const int64_t head_dim = table.size(1) / num_heads_;
    return table.view({table.size(0), num_heads_, head_dim})
        .transpose(0, 1)
        .unsqueeze(0)
        .expand({num_samples, num_heads_, table.size(0), head_dim});
  }

  int64_t num_heads_;
  Tensor key_, value_;  // [P, dim]
};

const RegisterAdapter<PrefixTuning> kRegistered{
    "prefix",
    "learned keys and values before a block's own",
    "Li and Liang 2021, \"Prefix-Tuning\", sec. 4.2; Hu et al. 2023, \"LLM-Adapters\", sec. 2.2",
    {.changes_nothing_when_new = false}};

}  // namespace
}  // namespace cl
