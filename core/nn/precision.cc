#include "core/nn/precision.h"

#include <set>
#include <string>

#include <ATen/autocast_mode.h>
#include <torch/version.h>

#include "core/base/check.h"

namespace cl {
namespace {

void set_autocast(bool enabled) {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  at::autocast::set_autocast_enabled(at::kCPU, enabled);
#else
  at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
  at::autocast::set_cpu_enabled(enabled);
#endif
}

constexpr std::string_view kWeight = ".weight", kBias = ".bias";

/// Calls body(tensor) for the weights of products, and then for their biases.
template <class Body>
void for_each_product(const internal::Visit& visit, const Body& body) {
  std::set<std::string> layers;
  TensorVisitor weights([&](const std::string& name, Tensor& tensor, TensorVisitor::Role) {
    if (!name.ends_with(kWeight) || name.starts_with("head.") || tensor.dim() < 2) return;
    layers.insert(name.substr(0, name.size() - kWeight.size()));
    body(tensor);
  });
  visit(weights);
  TensorVisitor biases([&](const std::string& name, Tensor& tensor, TensorVisitor::Role) {
    if (!name.ends_with(kBias)) return;
    if (layers.contains(name.substr(0, name.size() - kBias.size()))) body(tensor);
  });
  visit(biases);
}

}  // namespace

namespace internal {

void hold_products_in_bfloat16(const Visit& visit) {
  for_each_product(visit, [](Tensor& tensor) {
    CL_CHECK(!tensor.requires_grad(), "what is trained is not held in bfloat16");
    tensor = tensor.to(at::kBFloat16);
  });
}

bool holds_products_in_bfloat16(const Visit& visit) {
  bool result = false;
  for_each_product(visit, [&](const Tensor& tensor) {
    result = result || tensor.scalar_type() == at::kBFloat16;
  });
  return result;
}

}  // namespace internal

bool has_fast_bfloat16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
         __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512bf16") != 0;
#else
  return true;  // not known to be slow
#endif
}

Bfloat16Scope::Bfloat16Scope(bool enabled) : enabled_(enabled) {
  if (!enabled_) return;
  at::autocast::increment_nesting();
  set_autocast(true);
}

Bfloat16Scope::~Bfloat16Scope() {
  if (!enabled_) return;
  set_autocast(false);
  // Weights are cast once a scope; the copies go with it.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
}

}  // namespace cl
