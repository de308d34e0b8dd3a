// Bank: every adapter for itself in floating point, whole or truncated.
//
// Truncated, all adapters together take the bytes of a reversible bank of size p with as many
// tasks. The rank falls as tasks come, and a truncated adapter truncated again is what it would be
// if it had been whole, so nothing else is kept.
#include <utility>

#include <ATen/ops/stack.h>

#include "core/merge/bank_kinds.h"
#include "core/merge/truncation.h"

namespace cl::merge {
namespace {

class AdapterBank final : public Bank {
 public:
  AdapterBank(const BankOptions& options, BankParts parts)
      : options_(options), parts_(std::move(parts)) {}

  void add(const Update& update) override;
  [[nodiscard]] int64_t num_tasks() const override {
    return adapters_.defined() ? adapters_.size(0) : 0;
  }
  [[nodiscard]] int64_t num_networks() const override { return num_tasks(); }
  [[nodiscard]] Update revert(int64_t network) const override {
    return from_positions(adapters_[network], parts_.sizes);
  }
  [[nodiscard]] std::vector<Tensor> read_by_revert() const override {
    return num_tasks() == 0 ? std::vector<Tensor>() : std::vector<Tensor>{adapters_};
  }
  void tensors(TensorVisitor& visitor) override { visitor.parameter("adapters", adapters_); }
  void shape_for(const State& state, std::string_view prefix) override {
    adapters_ = room_for(state, prefix, "adapters", parts_.device);
  }

 private:
  [[nodiscard]] Tensor truncated_positions(const Update& update, int64_t rank) const;

  BankOptions options_;
  BankParts parts_;
  Tensor adapters_;  // [n, P, rank]
};

Tensor AdapterBank::truncated_positions(const Update& update, int64_t rank) const {
  Update result;
  for (const LowRank& layer : update) result.push_back(truncated(layer, rank));
  return positions(result);
}

void AdapterBank::add(const Update& update) {
  if (options_.merge == "none") {
    adapters_ = with_slice(adapters_, positions(update));
    return;
  }
  const int64_t rank = rank_at_equal_bytes(options_.p, update.front().a.size(1), num_tasks() + 1);
  std::vector<Tensor> tasks;
  for (int64_t i = 0; i < num_tasks(); ++i) tasks.push_back(truncated_positions(revert(i), rank));
  tasks.push_back(truncated_positions(update, rank));
  adapters_ = at::stack(tasks);
}

}  // namespace

std::unique_ptr<Bank> make_adapter_bank(const BankOptions& options, BankParts parts) {
  return std::make_unique<AdapterBank>(options, std::move(parts));
}

}  // namespace cl::merge
