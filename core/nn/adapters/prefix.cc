// Prefix tuning: learned keys and values that every token of a block also attends to.
//
// Each block has a table of `tokens` keys and values of a token's width; attention is over [P_K; K]
// and [P_V; V]. They are the same for every sample and carry no position.
//
// Li and Liang 2021, "Prefix-Tuning", sec. 4.2; without the network that produces the table, as in
// the code of Hu et al. 2023, "LLM-Adapters".
//
// A new prefix is drawn from N(0, 1), so it changes the network.
#include "core/base/error.h"
#include "core/nn/adapters/adapter.h"
#include "core/nn/init.h"
#include "core/nn/prompts/prefix_hooks.h"

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

  PrefixTuning(const Options& options, const AdapterParts& parts)
      : num_heads_(parts.num_heads),
        table_(init::normal({1, 2, options.tokens, parts.dim}, 0, 1, parts.key, parts.device)
                   .set_requires_grad(true)) {}

  [[nodiscard]] std::vector<Site> sites() const override { return {}; }
  [[nodiscard]] Tensor delta(const SiteCall& /*call*/, const Tensor& /*out*/) const override {
    throw InternalError("a prefix adds nothing at a site");
  }
  [[nodiscard]] std::optional<Prefix> prefix(const Tensor& tokens) const override {
    return PrefixHooks({{0, table_}}, num_heads_).prefix(0, tokens);
  }
  void tensors(TensorVisitor& visitor) override { visitor.parameter("table", table_); }

 private:
  int64_t num_heads_;
  Tensor table_;  // [1, 2, P, dim]: keys and values for every sample
};

const RegisterAdapter<PrefixTuning> kRegistered{
    "prefix",
    "learned keys and values before a block's own",
    "Li and Liang 2021, \"Prefix-Tuning\", sec. 4.2; Hu et al. 2023, \"LLM-Adapters\", sec. 2.2",
    {.changes_nothing_when_new = false}};

}  // namespace
}  // namespace cl
