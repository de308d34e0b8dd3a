// Looks for a shift: finds the batches whose tokens no descriptor of a block has seen the like of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "learners/sema/session.h"

namespace cl::sema {

/// What one batch says about one block.
struct Decision {
  std::vector<float> scores;  // of each descriptor
  bool expand = false;
};

/// By "batch", a descriptor's score is its mean z-score; by "sample", its z-score for the sample
/// whose smallest z-score is largest. A block expands where every score exceeds `threshold`; a
/// score that is not a number never does.
/// @param zscores  of each descriptor, [N]
[[nodiscard]] Decision decide(const std::vector<Tensor>& zscores, double threshold,
                              const std::string& by);

/// Narrows `thresholds` to those with which `decision` would have been the same.
void narrow(config::Range& thresholds, const Decision& decision);

/// Goes over the experience's data, grows and trains one block at a time, until a pass finds
/// nothing more to add; at most one adapter a block. Logs every decision in the table "ledger".
/// @return number of expansions
int64_t scan(Session& session);

/// Adds an adapter to block `layer` and reports it.
/// @param step  scan batches looked at before
void expand(Session& session, int64_t layer, int64_t step);

}  // namespace cl::sema
