// Vision transformer, number for number as in timm.
//
// An image is cut into patches, each becomes a token; a learned class token goes first, learned
// positions are added, pre-norm blocks mix the tokens, and the feature is the class token after a
// last norm (or the mean of the patches' tokens after that norm; timm's own average pooling norms
// after the mean instead).
#include <array>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include "core/base/check.h"
#include "core/config/write.h"
#include "core/nn/backbone.h"
#include "core/nn/init.h"
#include "core/nn/vit/architecture.h"
#include "core/nn/vit/block.h"
#include "core/nn/vit/patch_embed.h"
#include "core/nn/vit/positions.h"
#include "core/weights/finite.h"
#include "core/weights/safetensors.h"
#include "core/weights/state.h"

namespace cl {
namespace {

constexpr double kTokenStd = 0.02;
constexpr double kLayerNormEps = 1e-6;
constexpr int64_t kColours = 3;
constexpr std::array<std::string_view, 2> kPools{"cls", "avg"};

struct VitOptions {
  std::string preset = "vit_mini";
  int64_t image_size = 0;
  config::Path weights;
  std::string pool = "cls";
  std::string positions{vit::kResamplings[0]};
  vit::Architecture custom;

  void fields(config::Fields& fields) {
    fields.field("preset", preset, "measures by timm's name, or custom", vit::kPresets);
    fields.field("image_size", image_size, "pixels along a side; 0: the preset's (custom: 224)",
                 {.min = 0});
    fields.field("weights", weights,
                 "required: safetensors with timm's names; or the word random: drawn from the "
                 "model's seed, nothing is pre-trained");
    fields.field("pool", pool, "feature: class token, or mean of the patches", kPools);
    if (shows_positions_) {
      fields.field("positions", positions,
                   "how the weights' positions become those of another image size: as timm does "
                   "since 0.9, as timm 0.6 and Hugging Face's ViT, as timm's reader of .npz",
                   vit::kResamplings);
    }
    fields.field("patch_size", custom.patch_size, "custom only: pixels along a patch", {.min = 1});
    fields.field("width", custom.width, "custom only: of a token", {.min = 1});
    fields.field("depth", custom.depth, "custom only: blocks", {.min = 1});
    fields.field("heads", custom.heads, "custom only: attention heads", {.min = 1});
    fields.field("mlp_ratio", custom.mlp_ratio, "custom only: hidden width of the MLP, in widths",
                 {.min = 0.01});
    fields.field("stem", custom.stem, "custom only: one convolution, or 3x3 ones of stride 2",
                 vit::kStems);
  }

  void check(const config::Node& node) const {
    if (preset != vit::kCustom) check_measures(node, vit::preset(preset));
    check_weights(weights, node.at_or_null("weights"));
    const vit::Architecture measures = architecture();
    if (measures.image_size % measures.patch_size != 0) {
      node.fail(fmt::format("image_size {} is no multiple of patch_size {}", measures.image_size,
                            measures.patch_size));
    }
    if (measures.width % measures.heads != 0) {
      node.fail(fmt::format("width {} is no multiple of heads {}", measures.width, measures.heads));
    }
    if (!vit::fits(measures)) {
      node.fail(
          fmt::format("stem 'conv' needs a patch_size that is a power of 2 and a width that "
                      "is a multiple of 4 patch_size, found {} and {}",
                      measures.patch_size, measures.width));
    }
  }

  [[nodiscard]] vit::Architecture architecture() const {
    vit::Architecture result = preset == vit::kCustom ? custom : vit::preset(preset);
    if (image_size > 0) result.image_size = image_size;
    return result;
  }

  /// The file of weights; none where they are random.
  [[nodiscard]] std::optional<std::filesystem::path> file() const {
    if (weights.text == kRandomWeights) return std::nullopt;
    return weights.resolve();
  }

  void complete() {
    const vit::Architecture measures = architecture();
    const bool has_own_size =
        preset != vit::kCustom && measures.image_size == vit::preset(preset).image_size;
    shows_positions_ = !has_own_size || positions != vit::kResamplings[0];
    image_size = measures.image_size;
    custom = measures;
  }

  [[nodiscard]] std::vector<int64_t> sample_shape() const {
    const int64_t size = architecture().image_size;
    return {kColours, size, size};
  }

 private:
  static void check_weights(const config::Path& weights, const config::Node& node) {
    if (weights.empty()) {
      node.fail(fmt::format(
          "a vit needs weights: expected a safetensors file with timm's names, or the word '{}' "
          "for random ones, with which nothing is pre-trained",
          kRandomWeights));
    }
    std::error_code ignored;
    if (weights.text != kRandomWeights &&
        !std::filesystem::is_regular_file(weights.resolve(), ignored)) {
      node.fail(fmt::format("there is no file '{}'", weights.resolve().string()));
    }
  }

  /// Measures may stand beside the preset that they belong to, as in the written text.
  void check_measures(const config::Node& node, const vit::Architecture& of_preset) const {
    const auto require = [&](const char* key, const auto& given, const auto& expected) {
      if (!node.contains(key) || given == expected) return;
      node.at(key).fail(fmt::format(
          "expected {}, as preset '{}' has it; other measures belong to preset 'custom'", expected,
          preset));
    };
    require("patch_size", custom.patch_size, of_preset.patch_size);
    require("width", custom.width, of_preset.width);
    require("depth", custom.depth, of_preset.depth);
    require("heads", custom.heads, of_preset.heads);
    require("mlp_ratio", custom.mlp_ratio, of_preset.mlp_ratio);
    require("stem", custom.stem, of_preset.stem);
  }

  // Where images have the preset's own size the written text has no `positions` unless they are not
  // the usual ones: it is that of the time before the option was there, and so is the run's id.
  bool shows_positions_ = true;
};

class Vit final : public Backbone {
 public:
  using Options = VitOptions;

  Vit(const Options& options, const BackboneParts& parts)
      : averages_(options.pool == kPools[1]), device_(parts.device), options_(options) {
    const vit::Architecture measures = options.architecture();
    build(measures, parts.key);
    if (const auto file = options.file()) {
      load_weights(*file, measures.image_size / measures.patch_size);
    }
    set_trainable(*this, false);
    info_.name = options.preset;
    if (!device_.is_meta()) info_.weights_digest = digest(tensors_of(*this));
    options_.weights = {};  // so that equal networks have equal texts
    info_.options = config::write(options_);
    options_.weights.text = kRandomWeights;  // copies begin with any
  }

  [[nodiscard]] const BackboneInfo& info() const override { return info_; }

  [[nodiscard]] std::unique_ptr<Backbone> clone() override {
    auto result = std::make_unique<Vit>(options_, BackboneParts{RngKey(0), device_});
    make_head(head_.weight.defined() ? head_.weight.size(0) : 0, head_.bias.defined(),
              result->head_);
    load(*result, tensors_of(*this), info_.name);
    set_trainable(*result, false);
    result->info_ = info_;
    for (size_t layer = 0; layer < blocks_.size(); ++layer) {
      result->blocks_[layer].recomputes_hidden = blocks_[layer].recomputes_hidden;
    }
    return result;
  }

  [[nodiscard]] Tensor embed(const Tensor& x, Hooks& hooks) const override {
    if (x.dim() != 4 || x.sizes().slice(1) != at::IntArrayRef(info_.sample_shape)) {
      throw Error(fmt::format("backbone '{}' was given samples of shape [{}], expected [{}]",
                              info_.name, fmt::join(x.sizes().slice(x.dim() > 0 ? 1 : 0), ", "),
                              fmt::join(info_.sample_shape, ", ")));
    }
    Tensor patches = (*patch_embed_)(x);
    patches = hooks.at({Site::kPatches, 0, patches, patches}, patches);
    return at::cat({cls_token_.expand({x.size(0), 1, info_.dim}), patches}, 1).add(pos_embed_);
  }

  [[nodiscard]] Tensor special_position() const override {
    return pos_embed_.select(1, 0).squeeze(0);
  }

  [[nodiscard]] Tensor blocks(Tensor tokens, int64_t first, int64_t last,
                              Hooks& hooks) const override {
    CL_CHECK(0 <= first && first <= last && last <= info_.depth, "blocks [{}, {})", first, last);
    for (int64_t layer = first; layer < last; ++layer) {
      tokens = blocks_[static_cast<size_t>(layer)](std::move(tokens), layer, hooks);
    }
    return tokens;
  }

  [[nodiscard]] Tensor norm(const Tensor& tokens, Hooks& hooks) const override {
    return hooks.at({Site::kNorm, info_.depth, tokens, tokens}, norm_(tokens));
  }

  [[nodiscard]] Tensor pool(const Tensor& tokens) const override {
    if (!averages_) return tokens.select(1, 0);
    return tokens.narrow(1, 1, tokens.size(1) - 1).mean(1);
  }

  [[nodiscard]] std::optional<Tensor> logits(const Tensor& features) const override {
    if (!head_.weight.defined()) return std::nullopt;
    return head_(features);
  }

  [[nodiscard]] Tensor& weight_at(Site site, int64_t layer) override {
    CL_CHECK(layer >= 0 && layer < info_.depth, "block {}", layer);
    vit::Block& block = blocks_[static_cast<size_t>(layer)];
    switch (site) {
      case Site::kQkv:
        return block.attn.qkv.weight;
      case Site::kProj:
        return block.attn.proj.weight;
      case Site::kFc1:
        return block.mlp.fc1.weight;
      case Site::kFc2:
        return block.mlp.fc2.weight;
      default:
        throw Error("this site of a vit has no single weight matrix");
    }
  }

  void recompute(Recompute which) override {
    const auto all = static_cast<int64_t>(blocks_.size());
    int64_t some = 0;
    if (which == Recompute::kAll) some = all;
    if (which == Recompute::kAuto) some = std::min(all, num_recomputed_for_a_tenth());
    // The last ones: when their turn comes, most is still kept.
    for (int64_t layer = 0; layer < all; ++layer) {
      blocks_[static_cast<size_t>(layer)].recomputes_hidden = layer >= all - some;
    }
  }

  void tensors(TensorVisitor& visitor) override {
    visitor.parameter("cls_token", cls_token_);
    visitor.parameter("pos_embed", pos_embed_);
    visitor.child("patch_embed", *patch_embed_);
    visitor.children("blocks", blocks_);
    visitor.child("norm", norm_);
    visitor.child("head", head_);
  }

 private:
  void build(const vit::Architecture& measures, const RngKey& key) {
    const int64_t grid = measures.image_size / measures.patch_size, dim = measures.width;
    info_.dim = dim;
    info_.depth = measures.depth;
    info_.num_heads = measures.heads;
    info_.hidden = vit::hidden_width(measures);
    info_.num_special_tokens = 1;
    info_.num_tokens = 1 + grid * grid;
    info_.sample_shape = {kColours, measures.image_size, measures.image_size};
    cls_token_ = init::truncated_normal({1, 1, dim}, kTokenStd, key.child("cls_token"), device_);
    pos_embed_ = init::truncated_normal({1, info_.num_tokens, dim}, kTokenStd,
                                        key.child("pos_embed"), device_);
    patch_embed_ = vit::make_patch_embed(measures, key.child("patch_embed"), device_);
    for (int64_t layer = 0; layer < measures.depth; ++layer) {
      const RngKey own = key.child("blocks").child(static_cast<uint64_t>(layer));
      blocks_.push_back(vit::make_block(measures, own, device_));
    }
    norm_ = make_layer_norm(dim, kLayerNormEps, device_);
  }

  /// In how many blocks the first layer of the MLP takes a tenth of the operations of a training
  /// pass through all blocks, whose weights are frozen.
  [[nodiscard]] int64_t num_recomputed_for_a_tenth() const {
    const auto dim = static_cast<double>(info_.dim), hidden = static_cast<double>(info_.hidden);
    const double layers = dim * (4 * dim + 2 * hidden);  // products for a token of a block
    const double pairs = 2 * dim * static_cast<double>(info_.num_tokens);
    // Layers forward and for the gradient of their input; attention twice as much backward, and its
    // scores again.
    const double block = 2 * layers + 3.5 * pairs;
    return std::lround(0.1 * block * static_cast<double>(info_.depth) / (dim * hidden));
  }

  /// Room for the head of `num_classes` that weights bring; none for 0.
  void make_head(int64_t num_classes, bool has_bias, Linear& head) const {
    if (num_classes == 0) return;
    const auto float_on_device = at::TensorOptions(at::kFloat).device(device_);
    head.weight = at::empty({num_classes, info_.dim}, float_on_device);
    if (has_bias) head.bias = at::empty({num_classes}, float_on_device);
  }

  void load_weights(const std::filesystem::path& file, int64_t grid) {
    State given;
    if (device_.is_meta()) {
      given = read_safetensors_outline(file).tensors;
    } else {
      given = read_safetensors(file).tensors;
      require_finite(given, file.string());
    }
    for (auto& [name, tensor] : given) {
      if (name == "pos_embed") tensor = vit::resample_positions(tensor, grid, options_.positions);
    }
    // The head is the only part that a file may lack; its classes are those of the file.
    if (const Tensor* weight = find(given, "head.weight"); weight && weight->dim() == 2) {
      make_head(weight->size(0), find(given, "head.bias") != nullptr, head_);
    }
    load(*this, given, file.string());
  }

  bool averages_;
  c10::Device device_;
  Options options_;  // without the file
  BackboneInfo info_;
  Tensor cls_token_;  // [1, 1, dim]
  Tensor pos_embed_;  // [1, T, dim]
  std::unique_ptr<vit::PatchEmbed> patch_embed_;
  std::vector<vit::Block> blocks_;
  LayerNorm norm_;
  Linear head_;  // undefined without a head in the weights
};

const RegisterBackbone<Vit> kRegistered{
    "vit",
    "vision transformer with timm's weights",
    "Dosovitskiy et al. 2021, An Image is Worth 16x16 Words, sec. 3.1",
    {.has_outline = true}};

}  // namespace
}  // namespace cl
