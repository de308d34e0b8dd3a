// Tuner: one adapter in each of a range of blocks, the network itself frozen.
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/nn/adapters/adapter_hooks.h"
#include "core/nn/tuners/adapter_placement.h"
#include "core/nn/tuners/tuner.h"
#include "core/weights/state.h"

namespace cl {
namespace {

class AdapterTuner final : public Tuner {
 public:
  using Options = AdapterPlacement;

  AdapterTuner(const Options& options, const TunerParts& parts)
      : first_(options.first_layer), hooks_(make(options, parts)) {
    set_trainable(hooks_, true);
    for (int64_t layer = 0; layer < parts.backbone.info().depth; ++layer) {
      per_block_.push_back(hooks_.adapter(layer) == nullptr ? 0 : 1);
    }
  }

  [[nodiscard]] Hooks& hooks() override { return hooks_; }
  [[nodiscard]] int64_t first_block() const override { return first_; }
  [[nodiscard]] std::vector<int64_t> adapters_per_block() const override { return per_block_; }
  void draw_from(const std::optional<RngKey>& pass) override { hooks_.draw_from(pass); }
  void merge_experts(const RngKey& key) override { hooks_.merge_experts(key); }
  void tensors(TensorVisitor& visitor) override { hooks_.tensors(visitor); }

 private:
  static AdapterHooks make(const Options& options, const TunerParts& parts) {
    const BackboneInfo& info = parts.backbone.info();
    if (info.depth == 0) {
      throw Error(fmt::format("the backbone '{}' has no blocks for adapters to act in", info.name));
    }
    const int64_t last = options.last_layer == -1 ? info.depth - 1 : options.last_layer;
    if (last >= info.depth || options.first_layer > last) {
      throw Error(fmt::format("adapters in layers {} to {}: the backbone '{}' has layers 0 to {}",
                              options.first_layer, last, info.name, info.depth - 1));
    }
    return {options.adapter, options.first_layer, last + 1,
            adapter_parts(info, parts.key, parts.device)};
  }

  int64_t first_;
  AdapterHooks hooks_;
  std::vector<int64_t> per_block_;
};

const RegisterTuner<AdapterTuner> kRegistered{
    "adapter", "one adapter in each of a range of blocks",
    "Houlsby et al. 2019, Parameter-Efficient Transfer Learning for NLP, sec. 2"};

}  // namespace
}  // namespace cl
