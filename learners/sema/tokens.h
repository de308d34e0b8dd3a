// Tokens on their way into the part of the network that can still change.
#pragma once

#include <cstdint>
#include <span>

#include <c10/core/Device.h>

#include "core/data/samples.h"
#include "core/features/frozen_tokens.h"
#include "learners/sema/network.h"

namespace cl::sema {

/// Blocks below the first expandable one are final after the first experience, and all blocks are
/// until the next one grows: what they make of a view that recurs is remembered.
class Tokens {
 public:
  /// @param backbone  the network's own
  Tokens(const Options& options, const Network& network, Backbone& backbone, c10::Device device,
         FrozenWork work = {}, FrozenHooks hooks = {});

  /// First block whose input is not final: 0 until `settle`.
  [[nodiscard]] int64_t block() const { return block_; }
  /// Tokens entering block `block()` [N, T, dim], without gradient.
  [[nodiscard]] Tensor entering(const Samples& samples, std::span<const int64_t> rows,
                                const View& view);
  /// Whether all blocks rest, and do the same to a sample whenever they see it: `features` may be
  /// asked for.
  [[nodiscard]] bool has_features() const;
  /// Features [N, dim], without gradient.
  [[nodiscard]] Tensor features(const Samples& samples, std::span<const int64_t> rows,
                                const View& view);

  /// Declares that all blocks rest, and those below the first expandable one for good.
  void settle();
  /// Declares that block `layer` changes, until `settle`.
  void unsettle(int64_t layer);

 private:
  const Options& options_;
  const Network& network_;
  c10::Device device_;
  FrozenTokens frozen_;
  int64_t block_ = 0;
  bool all_rest_ = false;
};

}  // namespace cl::sema
