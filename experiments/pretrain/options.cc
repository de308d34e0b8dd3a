#include "experiments/pretrain/options.h"

#include <array>
#include <string_view>

#include <fmt/format.h>

#include "core/config/read.h"
#include "core/config/write.h"
#include "core/nn/backbone.h"

namespace cl::experiments {

void PretrainOptions::fields(config::Fields& f) {
  static constexpr std::array<std::string_view, 2> kPrecisions{"fp32", "bf16"};
  f.field("pretrain", name, "name of what is trained");
  f.plugin("stream", stream, "stream", "images; the training part of experience 0 is used");
  f.plugin("backbone", backbone, "backbone", "network to train, from random weights");
  f.field("seed", seed, "of the weights, the images and their order", {0, 1e15});
  f.field("threads", threads, "inside one tensor operation", {1, 1024});
  f.field("save", save, "safetensors file for the weights (F16)");
  f.field("components", components, "principal components of the image descriptor to predict",
          {1, 352});
  f.field("whitening", whitening, "0 leaves their variances, 0.5 makes them equal", {0, 0.5});
  f.field("patch_weight", patch_weight, "weight of predicting each patch's descriptor", {0, 100});
  f.field("mean_weight", mean_weight, "weight of predicting the image from the mean patch token",
          {0, 100});
  f.field("num_images", num_images, "images to train on, each seen once", {1, 1e12});
  f.field("batch_size", batch_size, "images a step", {1, 1e6});
  f.field("lr", lr, "peak learning rate of AdamW", {0, 1});
  f.field("muon_lr", muon_lr, "peak learning rate of Muon on the blocks' matrices", {0, 1});
  f.field("weight_decay", weight_decay, "decoupled, on matrices only", {0, 1});
  f.field("warm_up_images", warm_up_images, "images over which the learning rate rises from 0",
          {0, 1e12});
  f.field("max_gradient_norm", max_gradient_norm, "longer gradients are scaled down to it",
          {0, 1e9});
  f.field("precision", precision, "of the blocks' arithmetic while training", kPrecisions);
}

void PretrainOptions::check(const config::Node& node) const {
  if (name.empty()) node.fail("missing key 'pretrain': a name for what is trained");
  if (save.empty()) node.fail("missing key 'save': where the weights are written");
  const config::Node weights = config::choice(backbone).options.at_or_null("weights");
  if (!weights.is_null() && weights.scalar() != kRandomWeights) {
    weights.fail(fmt::format("pre-training starts from random weights; expected '{}', found {}",
                             kRandomWeights, weights.found()));
  }
  if (num_images < batch_size) node.fail("num_images is less than one batch_size");
}

bool are_those(const PretrainOptions& options, const std::string& recorded) {
  try {
    config::Node node = config::Node::parse(recorded, "recorded options");
    const config::Choice network = config::choice(node.at("backbone"));
    // Earlier texts leave the weights empty where they are random.
    if (network.options.contains("weights") && network.options.at("weights").scalar().empty()) {
      node = node.with(fmt::format("backbone.{}.weights", network.name),
                       config::Node::of(kRandomWeights));
    }
    return config::write(config::read<PretrainOptions>(node)) == config::write(options);
  } catch (const ConfigError&) {
    return false;
  }
}

PretrainOptions load_pretrain_suite(const std::filesystem::path& file,
                                    const std::vector<Override>& overrides) {
  config::Node suite = config::Node::load(file);
  for (const Override& override : overrides) suite = suite.with(override.path, override.value);
  return config::read<PretrainOptions>(suite);
}

}  // namespace cl::experiments
