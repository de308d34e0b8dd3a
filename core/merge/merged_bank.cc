// Bank: all tasks in one network. Each new task merges the adapters anew, so all of them are kept.
#include <utility>

#include <ATen/ops/eye.h>

#include "core/merge/bank_kinds.h"
#include "core/merge/dare.h"
#include "core/merge/low_rank_merge.h"
#include "core/merge/task_arithmetic.h"
#include "core/merge/ties.h"
#include "core/merge/truncation.h"

namespace cl::merge {
namespace {

Rule rule_of(const BankOptions& options) {
  return [options](const std::vector<Tensor>& tasks, const RngKey& key) {
    if (options.merge == "average") return average(tasks);
    const std::vector<double> weights(tasks.size(), options.weight);
    if (options.merge == "task_arithmetic") return task_arithmetic(tasks, weights);
    if (options.merge == "ties") return ties(tasks, weights, options.density);
    std::vector<Tensor> kept;
    for (size_t i = 0; i < tasks.size(); ++i) {
      kept.push_back(drop_and_rescale(tasks[i], options.density, key.child(i)));
    }
    return options.dare_merge == "ties" ? ties(kept, weights, /*density=*/1)
                                        : task_arithmetic(kept, weights);
  };
}

class MergedBank final : public Bank {
 public:
  MergedBank(const BankOptions& options, BankParts parts)
      : options_(options), parts_(std::move(parts)), merged_(parts_.sizes.size()) {}

  void add(const Update& update) override;
  [[nodiscard]] int64_t num_tasks() const override {
    return adapters_.defined() ? adapters_.size(0) : 0;
  }
  [[nodiscard]] int64_t num_networks() const override { return adapters_.defined() ? 1 : 0; }
  [[nodiscard]] Update revert(int64_t network) const override;
  [[nodiscard]] std::vector<Tensor> read_by_revert() const override;
  void tensors(TensorVisitor& visitor) override {
    visitor.children("merged", merged_);
    visitor.parameter("adapters", adapters_);
  }
  void shape_for(const State& state, std::string_view prefix) override;

 private:
  BankOptions options_;
  BankParts parts_;
  Update merged_;    // by layer; where products are merged, A is the product and there is no B
  Tensor adapters_;  // [n, P, r]
};

void MergedBank::add(const Update& update) {
  const Update first = adapters_.defined() ? from_positions(adapters_[0], parts_.sizes) : update;
  adapters_ = with_slice(adapters_, positions(in_gauge(update, options_.gauge, first)));
  std::vector<Update> tasks;
  for (int64_t i = 0; i < num_tasks(); ++i) {
    tasks.push_back(from_positions(adapters_[i], parts_.sizes));
  }
  const Rule rule = rule_of(options_);
  for (size_t layer = 0; layer < merged_.size(); ++layer) {
    std::vector<LowRank> own;
    for (const Update& task : tasks) own.push_back(task[layer]);
    const RngKey key = parts_.key.child(layer);
    if (options_.factors == "separate") {
      merged_[layer] = merge_factors(own, rule, key);
      continue;
    }
    const Tensor merged = merge_products(own, rule, key);
    merged_[layer] =
        options_.retruncate ? truncated(merged, adapters_.size(2)) : LowRank{merged, Tensor()};
  }
}

Update MergedBank::revert(int64_t /*network*/) const {
  Update update = merged_;
  for (LowRank& layer : update) {
    if (!layer.b.defined()) layer.b = at::eye(layer.a.size(1), layer.a.options());
  }
  return update;
}

std::vector<Tensor> MergedBank::read_by_revert() const {
  std::vector<Tensor> result;
  for (const LowRank& layer : merged_) {
    if (layer.a.defined()) result.push_back(layer.a);
    if (layer.b.defined()) result.push_back(layer.b);
  }
  return result;
}

void MergedBank::shape_for(const State& state, std::string_view prefix) {
  const auto room = [&](const std::string& name) {
    return room_for(state, prefix, name, parts_.device);
  };
  for (size_t layer = 0; layer < merged_.size(); ++layer) {
    const std::string name = "merged." + std::to_string(layer);
    merged_[layer] = {room(name + ".a"), room(name + ".b")};
  }
  adapters_ = room("adapters");
}

}  // namespace

std::unique_ptr<Bank> make_merged_bank(const BankOptions& options, BankParts parts) {
  return std::make_unique<MergedBank>(options, std::move(parts));
}

}  // namespace cl::merge
