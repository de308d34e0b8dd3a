#include "core/weights/tensor_visitor.h"

namespace cl {

void TensorVisitor::parameter(std::string_view name, Tensor& tensor) {
  visit(name, tensor, Role::kParameter);
}

void TensorVisitor::buffer(std::string_view name, Tensor& tensor) {
  visit(name, tensor, Role::kBuffer);
}

void TensorVisitor::visit(std::string_view name, Tensor& tensor, Role role) {
  if (tensor.defined()) receiver_(prefix_ + std::string(name), tensor, role);
}

}  // namespace cl
