// Tuner: learned tokens beside those of the sample (visual prompt tuning, VPT).
//
// Shallow: one set of prompts joins the tokens before the first block and goes through all of
// them. Deep: every block gets a set of its own, which leaves with it.
//
// Jia et al. 2022, "Visual Prompt Tuning", sec. 3.2.
//
// Differs, as in APER's code: prompts start at zero and stand after the patches; they have no
// position and no dropout.
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include "core/nn/tuners/tuner.h"

namespace cl {
namespace {

class Vpt final : public Tuner, private Hooks {
 public:
  struct Options {
    int64_t prompt_tokens = 5;
    bool deep = true;
    void fields(config::Fields& fields) {
      fields.field("prompt_tokens", prompt_tokens, "prompts that a block sees", {1, 100000});
      fields.field("deep", deep, "whether each block has its own");
    }
  };

  Vpt(const Options& options, const TunerParts& parts)
      : num_(options.prompt_tokens), deep_(options.deep), depth_(parts.backbone.info().depth) {
    const int64_t sets = deep_ ? depth_ : 1;
    prompts_ = at::zeros({sets, num_, parts.backbone.info().dim},
                         at::TensorOptions(at::kFloat).device(parts.device))
                   .set_requires_grad(true);
  }

  [[nodiscard]] Hooks& hooks() override { return *this; }
  [[nodiscard]] int64_t first_block() const override { return 0; }
  void tensors(TensorVisitor& visitor) override { visitor.parameter("prompts", prompts_); }

 private:
  Tensor at(const SiteCall& call, Tensor out) override {
    if (call.site == Site::kBlockInput && (deep_ || call.layer == 0)) {
      const Tensor own = prompts_.select(0, call.layer).unsqueeze(0);
      return at::cat({out, own.expand({out.size(0), -1, -1})}, 1);
    }
    if (call.site == Site::kBlockOutput && (deep_ || call.layer == depth_ - 1)) {
      return out.narrow(1, 0, out.size(1) - num_);
    }
    return out;
  }
  [[nodiscard]] bool acts_at(Site site, int64_t /*layer*/) const override {
    return site == Site::kBlockInput || site == Site::kBlockOutput;
  }

  int64_t num_;
  bool deep_;
  int64_t depth_;
  Tensor prompts_;  // [depth or 1, num, dim]
};

const RegisterTuner<Vpt> kRegistered{"vpt", "learned tokens beside those of the sample",
                                     "Jia et al. 2022, \"Visual Prompt Tuning\", sec. 3.2"};

}  // namespace
}  // namespace cl
