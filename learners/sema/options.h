// What a SEMA run can be told; the defaults are the authors' programme for CIFAR-100.
#pragma once

#include <cstdint>
#include <string>

#include "core/config/fields.h"
#include "core/train/fit.h"

namespace cl::sema {

/// Where the paper and the authors' programme disagree, the programme is the default and the paper
/// an option.
struct Options {
  config::Node adapter = config::Node::of("parallel");
  int64_t first_expandable = -3, last_expandable = -1;
  std::string expansion = "by_shift";
  std::string mixture = "soft";
  bool router_bias = true;
  std::string descriptor_input = "pre_ln2";
  std::string pooling = "mean";
  int64_t descriptor_dim = 128;
  std::string descriptor_activation = "none";
  std::string reconstruction = "mean";
  int64_t statistics_window = 500;
  double threshold = 2;
  std::string zscore = "absolute";
  std::string decision = "batch";
  std::string expansion_order = "rescan";
  int64_t scan_batch_size = 128;
  int64_t min_scan_batch = 0;
  std::string without_expansion = "train_head";
  std::string objective = "sequential";
  train::Options functional;
  train::Options descriptor{.epochs = 20, .lr = 0.01};

  void fields(config::Fields& fields);
  void check(const config::Node& node) const;
};

/// The blocks that may grow, both ends included and 0-based.
struct BlockRange {
  int64_t first, last;

  [[nodiscard]] bool contains(int64_t layer) const { return first <= layer && layer <= last; }
};

/// Resolves negative ends of the options against a backbone of `depth` blocks.
/// @throws Error where that leaves no block, or runs past the last one
[[nodiscard]] BlockRange expandable_blocks(const Options& options, int64_t depth);

}  // namespace cl::sema
