// One experience while it is being learned: what its phases share.
#pragma once

#include <cstdint>
#include <span>

#include "core/config/fields.h"
#include "core/data/samples.h"
#include "core/features/frozen_work.h"
#include "core/stream/stream.h"
#include "core/train/run_context.h"
#include "learners/sema/network.h"
#include "learners/sema/options.h"
#include "learners/sema/tokens.h"

namespace cl::sema {

struct Session {
  const Options& options;
  Network& network;
  Tokens& tokens;
  const TrainView& view;
  RunContext& context;
  c10::Device device;
  FrozenWork frozen = {};         // what a phase may remember, and how far passes go
  config::Range thresholds = {};  // with which all decisions so far would have been the same

  [[nodiscard]] const Dataset& data() const { return *view.data; }
  /// Whether frozen blocks make the same of a sample whenever they see it.
  [[nodiscard]] bool is_fixed() const;
  /// How many different things they make of a sample; 0: a new one each time.
  [[nodiscard]] int64_t num_lasting_views() const;
  /// Where they are counted: the one among them that `look` stands for.
  [[nodiscard]] View lasting_view(const View& look) const;
  /// Where a training pass ends of which nothing is needed beyond the blocks below `needed`.
  [[nodiscard]] int64_t pass_end(int64_t needed) const;
  /// A pass over the samples `rows` that looks at them with `view`.
  [[nodiscard]] ForwardPass pass(std::span<const int64_t> rows, const View& look) const;
  /// Tokens leaving block `last - 1` [N, T, dim], for last > tokens.block(); the samples are those
  /// of `pass`.
  [[nodiscard]] Tensor run(const ForwardPass& pass, const View& look, int64_t last) const;
};

}  // namespace cl::sema
