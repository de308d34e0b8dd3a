#include "core/merge/bank_kinds.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include "core/merge/gauge.h"

namespace cl::merge {

Update in_gauge(const Update& update, const std::string& gauge, const Update& first) {
  if (gauge == "raw") return update;
  Update result;
  for (size_t layer = 0; layer < update.size(); ++layer) {
    result.push_back(gauge == "balanced" ? balanced(update[layer])
                                         : aligned(update[layer], first[layer]));
  }
  return result;
}

Tensor with_slice(const Tensor& stack, const Tensor& slice) {
  const Tensor one = slice.unsqueeze(0);
  return stack.defined() ? at::cat({stack, one}) : one.clone();
}

Tensor room_for(const State& state, std::string_view prefix, std::string_view name,
                c10::Device device) {
  const Tensor* found = find(state, std::string(prefix).append(name));
  if (found == nullptr) return {};
  return at::empty(found->sizes(), found->options().device(device).requires_grad(false));
}

}  // namespace cl::merge
