#include "core/weights/state.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <unordered_map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/check.h"
#include "core/base/error.h"
#include "core/base/sha256.h"

namespace cl {
namespace {

// How many names a message shows before it only counts.
constexpr size_t kMaxNamesShown = 10;

std::string shape_text(at::IntArrayRef shape) {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ", "));
}

/// "; 2 missing: 'a', 'b'", or nothing for no names.
std::string listed(std::string_view what, const std::vector<std::string>& names) {
  if (names.empty()) return {};
  const size_t shown = std::min(names.size(), kMaxNamesShown);
  return fmt::format("; {} {}: {}{}", names.size(), what,
                     fmt::join(names.begin(), names.begin() + static_cast<int64_t>(shown), ", "),
                     shown < names.size() ? ", ..." : "");
}

}  // namespace

const Tensor* find(const State& state, std::string_view name) {
  const auto place = std::find_if(state.begin(), state.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  return place == state.end() ? nullptr : &place->second;
}

std::string digest(const State& state) {
  std::vector<size_t> by_name(state.size());
  std::iota(by_name.begin(), by_name.end(), size_t{0});
  std::stable_sort(by_name.begin(), by_name.end(),
                   [&](size_t a, size_t b) { return state[a].first < state[b].first; });
  Sha256 hash;
  for (const size_t i : by_name) {
    const Tensor tensor = state[i].second.detach().cpu().contiguous();
    const std::string head =
        fmt::format("{}:{} {} {}\n", state[i].first.size(), state[i].first,
                    c10::toString(tensor.scalar_type()), shape_text(tensor.sizes()));
    hash.add(head.data(), head.size());
    if (tensor.numel() > 0) hash.add(tensor.data_ptr(), tensor.nbytes());
  }
  return hash.hex();
}

int64_t count(const std::vector<Tensor>& tensors) {
  int64_t sum = 0;
  for (const Tensor& tensor : tensors) sum += tensor.numel();
  return sum;
}

int64_t num_bytes(const std::vector<Tensor>& tensors) {
  int64_t sum = 0;
  for (const Tensor& tensor : tensors) sum += static_cast<int64_t>(tensor.nbytes());
  return sum;
}

namespace internal {

State tensors(const Visit& visit) {
  State state;
  std::set<std::string> names;
  TensorVisitor visitor([&](const std::string& name, Tensor& tensor, TensorVisitor::Role) {
    CL_CHECK(names.insert(name).second, "two tensors are called '{}'", name);
    state.emplace_back(name, tensor.detach());
  });
  visit(visitor);
  return state;
}

State snapshot(const Visit& visit) {
  State state = tensors(visit);
  for (auto& [name, tensor] : state) tensor = tensor.cpu().clone(at::MemoryFormat::Contiguous);
  return state;
}

void load(const Visit& visit, const State& state, std::string_view origin) {
  std::unordered_map<std::string, const Tensor*> given;
  for (const auto& [name, tensor] : state) {
    if (!given.emplace(name, &tensor).second) {
      throw Error(fmt::format("{}: tensor '{}' occurs twice", origin, name));
    }
  }
  State targets = tensors(visit);
  std::vector<std::string> missing, misshaped, unexpected;
  std::set<std::string> known;
  for (const auto& [name, target] : targets) {
    known.insert(name);
    const auto value = given.find(name);
    if (value == given.end()) {
      missing.push_back(fmt::format("'{}'", name));
    } else if (value->second->sizes() != target.sizes()) {
      misshaped.push_back(fmt::format("'{}' is {}, expected {}", name,
                                      shape_text(value->second->sizes()),
                                      shape_text(target.sizes())));
    }
  }
  for (const auto& [name, tensor] : state) {
    if (!known.contains(name)) unexpected.push_back(fmt::format("'{}'", name));
  }
  if (!missing.empty() || !misshaped.empty() || !unexpected.empty()) {
    throw Error(fmt::format("{}: the tensors do not fit the model{}{}{}", origin,
                            listed("missing", missing), listed("unexpected", unexpected),
                            listed("of another shape", misshaped)));
  }
  for (auto& [name, target] : targets) target.copy_(*given.at(name));
}

std::vector<Tensor> parameters(const Visit& visit, bool only_trainable) {
  std::vector<Tensor> result;
  TensorVisitor visitor([&](const std::string&, Tensor& tensor, TensorVisitor::Role role) {
    if (role != TensorVisitor::Role::kParameter) return;
    if (!only_trainable || tensor.requires_grad()) result.push_back(tensor);
  });
  visit(visitor);
  return result;
}

std::vector<Tensor> buffers(const Visit& visit) {
  std::vector<Tensor> result;
  TensorVisitor visitor([&](const std::string&, Tensor& tensor, TensorVisitor::Role role) {
    if (role == TensorVisitor::Role::kBuffer) result.push_back(tensor);
  });
  visit(visitor);
  return result;
}

void require_grad(const Visit& visit, bool required) {
  TensorVisitor visitor([&](const std::string&, Tensor& tensor, TensorVisitor::Role role) {
    if (role != TensorVisitor::Role::kParameter) return;
    tensor.set_requires_grad(required);
    if (!required) tensor.mutable_grad().reset();
  });
  visit(visitor);
}

void move(const Visit& visit, c10::Device device) {
  TensorVisitor visitor([&](const std::string&, Tensor& tensor, TensorVisitor::Role) {
    if (tensor.device() == device) return;
    const bool required = tensor.requires_grad();
    tensor = tensor.detach().to(device).set_requires_grad(required);
  });
  visit(visitor);
}

}  // namespace internal
}  // namespace cl
