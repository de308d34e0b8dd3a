#include "learners/sema/scan.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/stack.h>

#include "core/data/row_index.h"
#include "core/nn/threads.h"
#include "core/weights/state.h"
#include "learners/sema/phases.h"

namespace cl::sema {

Decision decide(const std::vector<Tensor>& zscores, double threshold, const std::string& by) {
  Tensor scores = at::stack(zscores).to(at::kCPU, at::kFloat);  // [K, N]
  if (by == "batch") {
    scores = scores.mean(1);
  } else {
    // A score that is not a number must not hide a sample that is strange.
    const Tensor smallest = std::get<0>(scores.min(0));
    const Tensor strangest = at::nan_to_num(smallest, -HUGE_VAL, HUGE_VAL, -HUGE_VAL).argmax();
    scores = scores.select(1, strangest.item<int64_t>()).contiguous();
  }
  Decision decision;
  const auto* values = scores.data_ptr<float>();
  decision.scores.assign(values, values + scores.numel());
  decision.expand =
      std::all_of(decision.scores.begin(), decision.scores.end(),
                  [limit = static_cast<float>(threshold)](float score) { return score > limit; });
  return decision;
}

void narrow(config::Range& thresholds, const Decision& decision) {
  const auto is_nan = [](float score) { return std::isnan(score); };
  if (std::any_of(decision.scores.begin(), decision.scores.end(), is_nan)) return;
  // Scores and threshold are compared as floats, which keeps their order.
  const float least = *std::min_element(decision.scores.begin(), decision.scores.end());
  if (decision.expand) {
    thresholds.max = std::min<double>(thresholds.max, std::nextafter(least, -HUGE_VALF));
  } else {
    thresholds.min = std::max<double>(thresholds.min, least);
  }
}

void expand(Session& session, int64_t layer, int64_t step) {
  Block& block = session.network.block(layer);
  block.add_adapter();
  session.tokens.unsettle(layer);
  session.context.log.expansion({session.context.experience, step, layer, "adapter",
                                 count(parameters(*block.modules().back().functional))});
}

namespace {

class Scan {
 public:
  explicit Scan(Session& session) : session_(session) {
    const BlockRange range = session.network.expandable();
    for (int64_t layer = range.first; layer <= range.last; ++layer) candidates_.insert(layer);
  }

  int64_t run() {
    while (!candidates_.empty() && pass()) ++pass_;
    return num_expansions_;
  }

 private:
  /// Goes over the data once. @return whether there is reason to do so again
  bool pass();
  /// The first block that `rows` makes grow.
  std::optional<int64_t> look_at(std::span<const int64_t> rows, int64_t batch, const View& look);
  void log(int64_t layer, int64_t batch, int64_t batch_size, const Decision& decision);
  void report(int64_t batch, int64_t num_batches);
  [[nodiscard]] bool continues() const { return session_.options.expansion_order == "continue"; }

  Session& session_;
  std::set<int64_t> candidates_;  // blocks that may still grow
  int64_t pass_ = 0, num_expansions_ = 0;
  int64_t num_batches_ = 0;  // looked at so far, over all passes
};

bool Scan::pass() {
  const RngKey key = session_.context.key.child("scan").child(static_cast<uint64_t>(pass_));
  const View look = session_.context.next_view();
  const std::vector<int64_t> order = permutation(key.child("order"), session_.data().size());
  const auto size = static_cast<int64_t>(order.size());
  const int64_t batch_size = session_.options.scan_batch_size;
  bool found = false;
  for (int64_t first = 0; first < size && !candidates_.empty(); first += batch_size) {
    session_.context.check_stop();
    const auto rows = batch_at(order, first, batch_size);
    if (static_cast<int64_t>(rows.size()) < session_.options.min_scan_batch) continue;
    if (first + batch_size < size) {
      session_.data().expect(batch_at(order, first + batch_size, batch_size), look,
                             Announcer::kBatches);
    }
    const int64_t batch = first / batch_size;
    report(batch, (size + batch_size - 1) / batch_size);
    const auto layer = look_at(rows, batch, look);
    ++num_batches_;
    if (!layer) continue;
    found = true;
    expand(session_, *layer, num_batches_ - 1);
    train_new(session_, num_expansions_++);
    candidates_.erase(*layer);
    if (continues()) {
      // Deeper blocks have seen nothing of the earlier batches with the new adapter in place.
      candidates_.erase(candidates_.begin(), candidates_.upper_bound(*layer));
      return true;
    }
  }
  return found;
}

std::optional<int64_t> Scan::look_at(std::span<const int64_t> rows, int64_t batch,
                                     const View& look) {
  const GradMode no_gradients(false);
  const PhaseTimer timer(session_.context.log, "scan");
  const Network& network = session_.network;
  std::optional<int64_t> grows;
  ForwardPass pass = session_.pass(rows, look);
  pass.at_pooled = [&](int64_t layer, const Tensor& pooled) {
    if (!candidates_.contains(layer)) return;
    std::vector<Tensor> zscores;
    for (const Module& module : network.block(layer).modules()) {
      zscores.push_back(module.descriptor->zscores(pooled));
    }
    const Decision decision =
        decide(zscores, session_.options.threshold, session_.options.decision);
    narrow(session_.thresholds, decision);
    log(layer, batch, pooled.size(0), decision);
    if (decision.expand) grows = layer;
  };
  Tensor tokens = session_.tokens.entering(session_.data(), rows, look);
  const int64_t end = session_.pass_end(*candidates_.rbegin() + 1);
  for (int64_t layer = session_.tokens.block(); layer < end && !grows; ++layer) {
    tokens = network.run(tokens, layer, layer + 1, pass);
  }
  return grows;
}

void Scan::log(int64_t layer, int64_t batch, int64_t batch_size, const Decision& decision) {
  for (size_t k = 0; k < decision.scores.size(); ++k) {
    session_.context.log.row("ledger", {{"experience", session_.context.experience},
                                        {"pass", pass_},
                                        {"batch", batch},
                                        {"batch_size", batch_size},
                                        {"block", layer},
                                        {"descriptor", static_cast<int64_t>(k)},
                                        {"score", static_cast<double>(decision.scores[k])},
                                        {"expanded", static_cast<int64_t>(decision.expand)}});
  }
}

void Scan::report(int64_t batch, int64_t num_batches) {
  session_.context.progress.update({.experience = session_.context.experience,
                                    .num_experiences = session_.context.num_experiences,
                                    .phase = "scan",
                                    .step = batch,
                                    .num_steps = num_batches});
}

}  // namespace

int64_t scan(Session& session) {
  return Scan(session).run();
}

}  // namespace cl::sema
