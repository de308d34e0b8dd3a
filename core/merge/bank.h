// What is kept of the low-rank updates of task after task, and how each is had back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <c10/core/Device.h>

#include "core/base/rng.h"
#include "core/config/fields.h"
#include "core/merge/low_rank.h"
#include "core/weights/state.h"

namespace cl::merge {

struct BankOptions {
  std::string merge = "rmm";
  int64_t p = 3;
  std::string mode = "offline";
  int64_t frozen_after = 0;
  double variance = 0.95;
  std::string gauge = "raw";
  std::string factors = "separate";
  bool retruncate = false;
  double weight = 1;
  double density = 0.2;
  std::string dare_merge = "task_arithmetic";

  void fields(config::Fields& fields);
  void check(const config::Node& node) const;
};

struct BankParts {
  std::vector<Size> sizes;  // of the layers
  RngKey key;               // of what DARE drops
  c10::Device device;
};

/// Updates of n tasks as m <= n networks. One thread; no gradients.
class Bank {
 public:
  virtual ~Bank() = default;
  /// The next task's. @param update  of the bank's sizes; all have one rank
  virtual void add(const Update& update) = 0;
  [[nodiscard]] virtual int64_t num_tasks() const = 0;
  /// Distinct updates that come out: one a task, or a single one for all.
  [[nodiscard]] virtual int64_t num_networks() const = 0;
  [[nodiscard]] virtual Update revert(int64_t network) const = 0;
  /// What `revert` reads: the memory that using the bank needs.
  [[nodiscard]] virtual std::vector<Tensor> read_by_revert() const = 0;
  /// Of the tasks as they were when the last was added; see `merge::explained_variance`.
  [[nodiscard]] virtual std::optional<double> explained_variance() const { return std::nullopt; }
  /// Also what is needed only to go on: the adapters themselves, where later tasks change all.
  virtual void tensors(TensorVisitor& visitor) = 0;
  /// Makes room for what `state` holds under `prefix`.
  virtual void shape_for(const State& state, std::string_view prefix) = 0;

  /// The network that serves a task.
  [[nodiscard]] int64_t network_of(int64_t task) const { return num_networks() == 1 ? 0 : task; }
};

[[nodiscard]] std::unique_ptr<Bank> make_bank(const BankOptions& options, BankParts parts);

}  // namespace cl::merge
