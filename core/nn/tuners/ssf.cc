// Tuner: scales and shifts the features of a frozen network, channel by channel (SSF).
//
// After every operation with weights (patch embedding, both norms of a block, its four linear
// layers, the last norm) y becomes gamma y + beta, with gamma drawn near one and beta near zero.
// Being linear, both can be folded into the weights before them.
//
// Lian et al. 2022, "Scaling & Shifting Your Features", sec. 3.2. For a ViT-B/16: 205,824 numbers.
#include <array>

#include "core/nn/init.h"
#include "core/nn/tuners/tuner.h"

namespace cl {
namespace {

constexpr double kStd = 0.02;  // of gamma around 1, and of beta around 0
constexpr std::array kBlockSites{Site::kNorm1, Site::kQkv, Site::kProj,
                                 Site::kNorm2, Site::kFc1, Site::kFc2};
constexpr std::array<std::string_view, kBlockSites.size()> kBlockNames{"norm1", "qkv", "proj",
                                                                       "norm2", "fc1", "fc2"};

/// gamma y + beta in every channel.
struct ScaleShift {
  ScaleShift(int64_t width, const RngKey& key, c10::Device device)
      : scale(init::normal({width}, 1, kStd, key.child("scale"), device).set_requires_grad(true)),
        shift(init::normal({width}, 0, kStd, key.child("shift"), device).set_requires_grad(true)) {}

  [[nodiscard]] Tensor operator()(const Tensor& y) const { return y.mul(scale).add(shift); }
  void tensors(TensorVisitor& visitor) {
    visitor.parameter("scale", scale);
    visitor.parameter("shift", shift);
  }

  Tensor scale, shift;  // [width]
};

class Ssf final : public Tuner, private Hooks {
 public:
  struct Options {
    void fields(config::Fields& /*fields*/) {}
  };

  Ssf(const Options& /*options*/, const TunerParts& parts)
      : patches_(parts.backbone.info().dim, parts.key.child("patches"), parts.device),
        norm_(parts.backbone.info().dim, parts.key.child("norm"), parts.device) {
    const BackboneInfo& info = parts.backbone.info();
    for (int64_t layer = 0; layer < info.depth; ++layer) {
      const RngKey key = parts.key.child("blocks").child(static_cast<uint64_t>(layer));
      for (size_t i = 0; i < kBlockSites.size(); ++i) {
        blocks_.emplace_back(width(kBlockSites[i], info), key.child(kBlockNames[i]), parts.device);
      }
    }
  }

  [[nodiscard]] Hooks& hooks() override { return *this; }
  [[nodiscard]] int64_t first_block() const override { return 0; }
  void tensors(TensorVisitor& visitor) override {
    visitor.child("ssf.patches", patches_);
    for (size_t i = 0; i < blocks_.size(); ++i) {
      visitor.child("ssf.blocks." + std::to_string(i / kBlockSites.size()) + "." +
                        std::string(kBlockNames[i % kBlockSites.size()]),
                    blocks_[i]);
    }
    visitor.child("ssf.norm", norm_);
  }

 private:
  static int64_t width(Site site, const BackboneInfo& info) {
    if (site == Site::kQkv) return 3 * info.dim;
    return site == Site::kFc1 ? info.hidden : info.dim;
  }

  Tensor at(const SiteCall& call, Tensor out) override {
    if (call.site == Site::kPatches) return patches_(out);
    if (call.site == Site::kNorm) return norm_(out);
    for (size_t i = 0; i < kBlockSites.size(); ++i) {
      if (kBlockSites[i] != call.site) continue;
      return blocks_[static_cast<size_t>(call.layer) * kBlockSites.size() + i](out);
    }
    return out;
  }

  ScaleShift patches_, norm_;
  std::vector<ScaleShift> blocks_;  // block after block, in the order of kBlockSites
};

const RegisterTuner<Ssf> kRegistered{
    "ssf", "scale and shift of every channel after each operation",
    "Lian et al. 2022, \"Scaling & Shifting Your Features\", sec. 3.2"};

}  // namespace
}  // namespace cl
