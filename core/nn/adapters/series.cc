// Series adapter: a bottleneck after the MLP of a block, or after the block.
//
// Houlsby et al. put it behind a branch, before the residual: out + s f(out), with f a two-layer
// bottleneck with ReLU in between.
#include <array>

#include "core/nn/adapters/adapter.h"
#include "core/nn/adapters/bottleneck.h"

namespace cl {
namespace {

constexpr std::array<std::string_view, 2> kPlaces{"mlp", "block"};

class SeriesAdapter final : public Adapter {
 public:
  struct Options {
    BottleneckOptions function;
    std::string after = "mlp";

    void fields(config::Fields& fields) {
      fields.include(function);
      fields.field("after", after, "whose output it reads and is added to", kPlaces);
    }
  };

  SeriesAdapter(const Options& options, const AdapterParts& parts)
      : scale_(options.function.scale),
        site_(options.after == kPlaces[0] ? Site::kMlp : Site::kBlockOutput),
        function_(make_bottleneck(options.function, parts)) {}

  [[nodiscard]] std::vector<Site> sites() const override { return {site_}; }
  [[nodiscard]] Tensor delta(const SiteCall& /*call*/, const Tensor& out) const override {
    const Tensor result = function_(out);
    return scale_ == 1 ? result : result.mul(scale_);
  }
  void tensors(TensorVisitor& visitor) override { function_.tensors(visitor); }

 private:
  double scale_;
  Site site_;
  Bottleneck function_;
};

const RegisterAdapter<SeriesAdapter> kRegistered{
    "series", "bottleneck after the MLP or the block",
    "Houlsby et al. 2019, Parameter-Efficient Transfer Learning for NLP, sec. 2.1"};

}  // namespace
}  // namespace cl
