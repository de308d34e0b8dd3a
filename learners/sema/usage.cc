#include "learners/sema/usage.h"

#include <map>

#include <ATen/TensorOperators.h>

#include "core/data/row_index.h"
#include "core/nn/threads.h"

namespace cl::sema {

namespace {
constexpr int64_t kBatch = 128;
}

void log_usage(Session& session) {
  const PhaseTimer timer(session.context.log, "usage");
  const GradMode no_gradients(false);
  const BlockRange range = session.network.expandable();
  int64_t deepest = range.first - 1;  // with more than one adapter
  for (int64_t layer = range.first; layer <= range.last; ++layer) {
    if (session.network.block(layer).num_adapters() > 1) deepest = layer;
  }
  // One that training had as well: its tokens may be remembered.
  const View look = session.context.view_of(0);
  std::map<int64_t, Tensor> sums;  // by block, [K]
  if (deepest >= range.first) {
    for_batches(session.data(), look, kBatch, [&](std::span<const int64_t> rows) {
      session.context.check_stop();
      ForwardPass pass = session.pass(rows, look);
      pass.at_weights = [&](int64_t layer, const Tensor& weights) {
        Tensor& sum = sums[layer];
        const Tensor part = weights.to(at::kDouble).sum(0);
        sum = sum.defined() ? sum + part : part;
      };
      (void)session.run(pass, look, deepest + 1);
    });
  }
  const auto size = static_cast<double>(session.data().size());
  for (int64_t layer = range.first; layer <= range.last; ++layer) {
    for (int64_t k = 0; k < session.network.block(layer).num_adapters(); ++k) {
      // A single adapter has all the weight, without looking.
      const double share = layer <= deepest ? sums.at(layer)[k].item<double>() / size : 1.0;
      session.context.log.row("adapter_usage", {{"experience", session.context.experience},
                                                {"block", layer},
                                                {"adapter", k},
                                                {"weight", share}});
    }
  }
}

}  // namespace cl::sema
