#include "learners/sema/options.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/config/idle_option.h"
#include "core/config/write.h"

namespace cl::sema {

void Options::fields(config::Fields& fields) {
  static constexpr std::array<std::string_view, 3> kExpansions{"by_shift", "by_task", "never"};
  static constexpr std::array<std::string_view, 8> kMixtures{
      "soft",           "average",          "random",     "top1",
      "top1_inference", "random_selection", "descriptor", "descriptor_zscore"};
  static constexpr std::array<std::string_view, 2> kInputs{"pre_ln2", "post_ln2"};
  static constexpr std::array<std::string_view, 2> kPoolings{"mean", "class_token"};
  static constexpr std::array<std::string_view, 3> kActivations{"none", "leaky_relu_encoder",
                                                                "leaky_relu_both"};
  static constexpr std::array<std::string_view, 2> kReconstructions{"mean", "sum"};
  static constexpr std::array<std::string_view, 2> kScores{"absolute", "signed"};
  static constexpr std::array<std::string_view, 2> kDecisions{"batch", "sample"};
  static constexpr std::array<std::string_view, 2> kOrders{"rescan", "continue"};
  static constexpr std::array<std::string_view, 2> kWithout{"train_head", "nothing"};
  static constexpr std::array<std::string_view, 2> kObjectives{"sequential", "joint"};

  fields.plugin("adapter", adapter, "adapter", "the functional adapter of every block");
  fields.field("first_expandable", first_expandable,
               "first block that may grow, 0-based; below 0 from the end, at most all blocks");
  fields.field("last_expandable", last_expandable,
               "last block that may grow, 0-based; below 0 counted from the end");
  fields.field("expansion", expansion, "when adapters are added", kExpansions);
  fields.field("mixture", mixture, "how the adapters of a block share a sample", kMixtures);
  fields.field("router_bias", router_bias, "whether the router has a bias");
  fields.field("descriptor_input", descriptor_input,
               "tokens that router and descriptors see at the adapters' site: before or after the "
               "norm in front of it, where it has one",
               kInputs);
  fields.field("pooling", pooling, "what of these tokens: their mean, or the class token alone",
               kPoolings);
  fields.field("descriptor_dim", descriptor_dim, "hidden width of a descriptor", {1});
  fields.field("descriptor_activation", descriptor_activation,
               "after a descriptor's encoder, or after encoder and decoder", kActivations);
  fields.field("reconstruction", reconstruction,
               "over the squared errors of a sample, and over a training batch", kReconstructions);
  fields.field("statistics_window", statistics_window,
               "latest training errors that a z-score refers to; 0 for all", {0});
  fields.field("threshold", threshold, "z-score above which a block grows");
  fields.field("zscore", zscore, "whether too small an error is strange as well", kScores);
  fields.field("decision", decision,
               "by a batch's mean score, or by any sample strange to all descriptors", kDecisions);
  fields.field("expansion_order", expansion_order,
               "after an expansion: look at all blocks again, or at deeper ones only", kOrders);
  fields.field("scan_batch_size", scan_batch_size, "samples of one decision", {1});
  fields.field("min_scan_batch", min_scan_batch, "smaller batches decide nothing", {0});
  fields.field("without_expansion", without_expansion,
               "what an experience that adds no adapter trains", kWithout);
  fields.field("objective", objective,
               "new adapters first, then their descriptors; or both at once, by the functional "
               "options (the paper's eq. 4)",
               kObjectives);
  fields.group("functional", functional, "training of adapters, router and head");
  fields.group("descriptor", descriptor, "training of descriptors");
}

void Options::check(const config::Node& node) const {
  if (statistics_window == 1 || statistics_window == 2) {
    node.at_or_null("statistics_window")
        .fail("a window of 1 or 2 errors never makes a z-score; expected 0 or at least 3");
  }
  const Options standard;
  const auto refuse = [&node](std::string_view key, const auto& value, const auto& usual,
                              const char* problem) {
    config::refuse_idle(node, key, value, usual, problem);
  };
  // A threshold may stand beside any expansion: sweeps give one to all rivals of a comparison.
  if (expansion != "by_shift") {
    const char* problem = "only 'expansion: by_shift' looks for shifts";
    if (mixture != "descriptor_zscore") refuse("zscore", zscore, standard.zscore, problem);
    refuse("decision", decision, standard.decision, problem);
    refuse("expansion_order", expansion_order, standard.expansion_order, problem);
    refuse("scan_batch_size", scan_batch_size, standard.scan_batch_size, problem);
    refuse("min_scan_batch", min_scan_batch, standard.min_scan_batch, problem);
  }
  const bool mixes_by_descriptor = mixture == "descriptor" || mixture == "descriptor_zscore";
  if (expansion != "by_shift" && !mixes_by_descriptor) {
    const char* problem =
        "descriptors without 'expansion: by_shift' or a mixture by descriptor change no result";
    refuse("descriptor_activation", descriptor_activation, standard.descriptor_activation, problem);
    refuse("reconstruction", reconstruction, standard.reconstruction, problem);
    refuse("statistics_window", statistics_window, standard.statistics_window, problem);
  }
  if (expansion == "never") {
    refuse("mixture", mixture, standard.mixture,
           "with 'expansion: never' each block has one adapter");
  }
  if (expansion == "by_task") {
    refuse("without_expansion", without_expansion, standard.without_expansion,
           "with 'expansion: by_task' every experience adds adapters");
  }
  if (mixture != "soft" && mixture != "top1" && mixture != "top1_inference") {
    refuse("router_bias", router_bias, standard.router_bias,
           "only mixtures soft, top1 and top1_inference have a router");
  }
  if (objective == "joint") {
    refuse("descriptor", config::write(descriptor, 0), config::write(standard.descriptor, 0),
           "with 'objective: joint' descriptors are trained by the functional options");
  }
}

BlockRange expandable_blocks(const Options& options, int64_t depth) {
  BlockRange range{options.first_expandable, options.last_expandable};
  if (range.first < 0) range.first = std::max<int64_t>(range.first + depth, 0);
  if (range.last < 0) range.last += depth;
  if (range.last < range.first || range.last >= depth) {
    throw Error(
        fmt::format("learner.sema: blocks {} to {} shall be expandable, but the backbone has "
                    "blocks 0 to {}; set first_expandable and last_expandable within them",
                    options.first_expandable, options.last_expandable, depth - 1));
  }
  return range;
}

}  // namespace cl::sema
