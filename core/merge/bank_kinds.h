// The kinds of banks that `make_bank` chooses from, and what they share.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/merge/bank.h"

namespace cl::merge {

/// A basis and coefficients; modes and gauges.
std::unique_ptr<Bank> make_reversible_bank(const BankOptions& options, BankParts parts);
/// One network for all tasks: task_arithmetic, ties, dare, average.
std::unique_ptr<Bank> make_merged_bank(const BankOptions& options, BankParts parts);
/// Every adapter in floating point, at full rank (none) or truncated to a budget (truncate).
std::unique_ptr<Bank> make_adapter_bank(const BankOptions& options, BankParts parts);
/// Every adapter at full rank in int8.
std::unique_ptr<Bank> make_int8_bank(BankParts parts);

/// The update in the gauge of that name. @param first  the first task's, as kept
[[nodiscard]] Update in_gauge(const Update& update, const std::string& gauge, const Update& first);

/// A stack with one more slice. @param stack  [n, ...], or undefined: none yet
[[nodiscard]] Tensor with_slice(const Tensor& stack, const Tensor& slice);
/// A tensor for the one of that name to be loaded into; undefined where there is none.
[[nodiscard]] Tensor room_for(const State& state, std::string_view prefix, std::string_view name,
                              c10::Device device);

}  // namespace cl::merge
