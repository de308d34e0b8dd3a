// One visit over a module's tensors, from which come saving, loading, counting, moving and
// freezing.
#pragma once

#include <concepts>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

namespace cl {

using at::Tensor;

/// Receives every tensor of a module under its dotted name. A module is any type with
/// `void tensors(TensorVisitor&)`, which names its parameters, buffers and children in a fixed
/// order. Undefined tensors (an absent bias) are passed over.
class TensorVisitor {
 public:
  enum class Role { kParameter, kBuffer };  // a buffer is state that no gradient ever trains
  using Receiver = std::function<void(const std::string& name, Tensor& tensor, Role role)>;

  explicit TensorVisitor(Receiver receiver) : receiver_(std::move(receiver)) {}

  void parameter(std::string_view name, Tensor& tensor);
  void buffer(std::string_view name, Tensor& tensor);
  template <class Module>
  void child(std::string_view name, Module& module) {
    const size_t length = prefix_.size();
    prefix_.append(name).push_back('.');
    module.tensors(*this);
    prefix_.resize(length);
  }
  /// Children "name.0", "name.1", ...; elements are modules or (smart) pointers to modules.
  template <class Range>
  void children(std::string_view name, Range& modules) {
    int64_t index = 0;
    for (auto& module : modules) {
      const std::string indexed = std::string(name) + "." + std::to_string(index++);
      if constexpr (requires { module.tensors(*this); }) {
        child(indexed, module);
      } else {
        child(indexed, *module);
      }
    }
  }

 private:
  void visit(std::string_view name, Tensor& tensor, Role role);

  Receiver receiver_;
  std::string prefix_;
};

template <class T>
concept TensorModule = requires(T& module, TensorVisitor& visitor) {
  module.tensors(visitor);
};

}  // namespace cl
