// Parallel adapter: a bottleneck beside the MLP of a block, or beside its attention.
//
// The block's output becomes x + MLP(LN2(x)) + s f(x), with f a two-layer bottleneck. Chen et al.
// scale by 0.1, read LN2(x) and drop 0.1 of the hidden values in training; SEMA's code reads x
// itself, neither scales nor drops, which is the default here. Gao et al. ("LAE") put it beside
// attention: h + Attn(LN1(h)) + s f(LN1(h)).
#include <array>

#include "core/nn/adapters/adapter.h"
#include "core/nn/adapters/bottleneck.h"

namespace cl {
namespace {

constexpr std::array<std::string_view, 2> kInputs{"pre_ln2", "post_ln2"};
constexpr std::array<std::string_view, 2> kBranches{"mlp", "attention"};

class ParallelAdapter final : public Adapter {
 public:
  struct Options {
    BottleneckOptions function;
    std::string input = "pre_ln2";
    std::string beside = "mlp";

    void fields(config::Fields& fields) {
      fields.include(function);
      fields.field("input", input,
                   "what it reads: the stream before or after the branch's norm (LN2, LN1)",
                   kInputs);
      fields.field("beside", beside, "branch that it stands beside", kBranches);
    }
  };

  ParallelAdapter(const Options& options, const AdapterParts& parts)
      : reads_stream_(options.input == kInputs[0]),
        site_(options.beside == kBranches[0] ? Site::kMlp : Site::kAttention),
        function_(
            make_bottleneck(options.function, parts.dim, parts.dim, parts.key, parts.device)) {}

  [[nodiscard]] std::vector<Site> sites() const override { return {site_}; }
  [[nodiscard]] Tensor delta(const SiteCall& call, const Tensor& /*out*/) const override {
    return function_(reads_stream_ ? call.stream : call.input);
  }
  void draw_from(const std::optional<RngKey>& pass) override { function_.pass = pass; }
  void tensors(TensorVisitor& visitor) override { function_.tensors(visitor); }

 private:
  bool reads_stream_;
  Site site_;
  Bottleneck function_;
};

const RegisterAdapter<ParallelAdapter> kRegistered{
    "parallel", "bottleneck beside the MLP or attention",
    "Chen et al. 2022, AdaptFormer, sec. 3.2; Wang et al. 2025, SEMA, sec. 3.3"};

}  // namespace
}  // namespace cl
