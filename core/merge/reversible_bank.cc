// Bank: mean, basis and coefficients, for tasks that come one after another.
//
// offline  needs all adapters again for each new one: what the method's paper does, with everything
//          at hand
// refit    fits the same size to the old tasks as rebuilt and the new one; old errors add up
// frozen   mean and basis stay once they were fitted to enough tasks; a new one gets coefficients
// grow     as refit, with as many basis vectors as explain enough; never fewer than before
#include <algorithm>
#include <utility>

#include <ATen/ops/stack.h>

#include "core/merge/bank_kinds.h"
#include "core/merge/reversible.h"

namespace cl::merge {
namespace {

class ReversibleBank final : public Bank {
 public:
  ReversibleBank(const BankOptions& options, BankParts parts)
      : options_(options), parts_(std::move(parts)) {}

  void add(const Update& update) override;
  [[nodiscard]] int64_t num_tasks() const override {
    return bank_.coefficients.defined() ? bank_.num_tasks() : 0;
  }
  [[nodiscard]] int64_t num_networks() const override { return num_tasks(); }
  [[nodiscard]] Update revert(int64_t network) const override {
    return from_positions(merge::revert(bank_, network), parts_.sizes);
  }
  [[nodiscard]] std::vector<Tensor> read_by_revert() const override {
    return {bank_.mean, bank_.basis, bank_.coefficients};
  }
  [[nodiscard]] std::optional<double> explained_variance() const override { return explained_; }
  void tensors(TensorVisitor& visitor) override {
    bank_.tensors(visitor);
    visitor.parameter("adapters", adapters_);
  }
  void shape_for(const State& state, std::string_view prefix) override {
    const auto room = [&](const char* name) {
      return room_for(state, prefix, name, parts_.device);
    };
    bank_ = {room("mean"), room("basis"), room("coefficients")};
    adapters_ = room("adapters");
  }

 private:
  [[nodiscard]] bool is_frozen() const {
    const int64_t fitted = options_.frozen_after > 0 ? options_.frozen_after : options_.p + 1;
    return options_.mode == "frozen" && num_tasks() >= fitted;
  }
  /// [n, P, r]: all there are so far, exact or rebuilt.
  [[nodiscard]] Tensor earlier() const;

  BankOptions options_;
  BankParts parts_;
  Reversible bank_;
  Tensor adapters_;  // [n, P, r] in mode offline
  std::optional<double> explained_;
};

Tensor ReversibleBank::earlier() const {
  if (adapters_.defined() || num_tasks() == 0) return adapters_;
  std::vector<Tensor> tasks;
  for (int64_t i = 0; i < num_tasks(); ++i) tasks.push_back(merge::revert(bank_, i));
  return at::stack(tasks);
}

void ReversibleBank::add(const Update& update) {
  const Tensor before = earlier();
  const Update first = before.defined() ? from_positions(before[0], parts_.sizes) : update;
  const Tensor task = positions(in_gauge(update, options_.gauge, first));
  const Tensor tasks = with_slice(before, task);
  if (options_.mode == "offline") adapters_ = tasks;
  if (is_frozen()) {
    bank_ = with_task(bank_, task);
  } else {
    const Components parts = components(tasks);
    int64_t size = options_.p;
    if (options_.mode == "grow") {
      const int64_t least = before.defined() ? std::max(size, bank_.size()) : size;
      size = size_explaining(parts, options_.variance, least);
    }
    bank_ = keep(parts, size);
  }
  explained_ = merge::explained_variance(bank_, tasks);
}

}  // namespace

std::unique_ptr<Bank> make_reversible_bank(const BankOptions& options, BankParts parts) {
  return std::make_unique<ReversibleBank>(options, std::move(parts));
}

}  // namespace cl::merge
