// A module's tensors as an ordered list of names and values: what is saved, compared, merged and
// loaded.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include "core/weights/tensor_visitor.h"

namespace cl {

/// Names and tensors in the order of the visit.
using State = std::vector<std::pair<std::string, Tensor>>;

/// The tensor called `name`, or nullptr.
[[nodiscard]] const Tensor* find(const State& state, std::string_view name);
/// 16 hexadecimal digits over names, types, shapes and bytes (the first 64 bits of a SHA-256),
/// whatever the order.
[[nodiscard]] std::string digest(const State& state);

namespace internal {
using Visit = std::function<void(TensorVisitor&)>;
State tensors(const Visit& visit);
State snapshot(const Visit& visit);
void load(const Visit& visit, const State& state, std::string_view origin);
std::vector<Tensor> parameters(const Visit& visit, bool only_trainable);
std::vector<Tensor> buffers(const Visit& visit);
void require_grad(const Visit& visit, bool required);
void move(const Visit& visit, c10::Device device);
}  // namespace internal

/// All tensors, parameters and buffers: detached, but sharing their memory with the module.
template <TensorModule M>
[[nodiscard]] State tensors_of(M& module) {
  return internal::tensors([&](TensorVisitor& visitor) { module.tensors(visitor); });
}

/// Deep copies of all tensors, parameters and buffers, on the CPU.
template <TensorModule M>
[[nodiscard]] State snapshot(M& module) {
  return internal::snapshot([&](TensorVisitor& visitor) { module.tensors(visitor); });
}

/// Copies every value of `state` into the module's tensor of that name (converted to its type and
/// device); on an error the module is as before.
/// @throws Error that lists missing, unexpected and mis-shaped tensors; `origin` (a file) opens the
/// message
template <TensorModule M>
void load(M& module, const State& state, std::string_view origin) {
  internal::load([&](TensorVisitor& visitor) { module.tensors(visitor); }, state, origin);
}

/// The parameters, in the order of the visit.
template <TensorModule M>
[[nodiscard]] std::vector<Tensor> parameters(M& module) {
  return internal::parameters([&](TensorVisitor& visitor) { module.tensors(visitor); }, false);
}

/// The parameters that require a gradient.
template <TensorModule M>
[[nodiscard]] std::vector<Tensor> trainable_parameters(M& module) {
  return internal::parameters([&](TensorVisitor& visitor) { module.tensors(visitor); }, true);
}

/// The buffers, in the order of the visit.
template <TensorModule M>
[[nodiscard]] std::vector<Tensor> buffers(M& module) {
  return internal::buffers([&](TensorVisitor& visitor) { module.tensors(visitor); });
}

/// Whether gradients reach the parameters (buffers never train); freezing drops the gradients there
/// are.
template <TensorModule M>
void set_trainable(M& module, bool trainable) {
  internal::require_grad([&](TensorVisitor& visitor) { module.tensors(visitor); }, trainable);
}

/// Moves parameters and buffers; what required a gradient still does.
template <TensorModule M>
void move(M& module, c10::Device device) {
  internal::move([&](TensorVisitor& visitor) { module.tensors(visitor); }, device);
}

/// Number of scalars in `tensors`.
[[nodiscard]] int64_t count(const std::vector<Tensor>& tensors);
/// Bytes of all values.
[[nodiscard]] int64_t num_bytes(const std::vector<Tensor>& tensors);

}  // namespace cl
