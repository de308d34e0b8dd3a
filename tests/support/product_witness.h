// What LibTorch itself multiplies: the truth that counted operations are held to.
#pragma once

#include <memory>
#include <string_view>

#include <ATen/core/Tensor.h>
#include <ATen/record_function.h>

namespace cl::testing {

/// Adds up the operations, twice the multiplications, of all matrix products and convolutions that
/// LibTorch is asked for as long as this lives, forward and backward, whoever asks. One at a time.
class ProductWitness {
 public:
  ProductWitness() {
    total() = 0;
    handle_ = at::addGlobalCallback(
        at::RecordFunctionCallback(see).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
  }
  ~ProductWitness() { at::removeCallback(handle_); }
  ProductWitness(const ProductWitness&) = delete;
  ProductWitness& operator=(const ProductWitness&) = delete;

  [[nodiscard]] double flops() const { return total(); }

 private:
  static double& total() {
    static double value = 0;
    return value;
  }

  static double matrices(const at::Tensor& a, const at::Tensor& b) {
    const int64_t columns = b.dim() == 1 ? 1 : b.size(-1);
    return 2 * static_cast<double>(a.numel()) * static_cast<double>(columns);
  }

  static double convolution(const at::Tensor& out_map, const at::Tensor& weight) {
    return 2 * static_cast<double>(out_map.numel()) *
           static_cast<double>(weight.numel() / weight.size(0));
  }

  static std::unique_ptr<at::ObserverContext> see(const at::RecordFunction& function) {
    const std::string_view name = function.name();
    const auto inputs = function.inputs();
    const auto tensor = [&](size_t i) { return inputs[i].toTensor(); };
    if (name == "aten::mm" || name == "aten::bmm" || name == "aten::mv") {
      total() += matrices(tensor(0), tensor(1));
    } else if (name == "aten::addmm" || name == "aten::addmm_" || name == "aten::addmv") {
      total() += matrices(tensor(1), tensor(2));
    } else if (name == "aten::mkldnn_convolution" || name == "aten::_slow_conv2d_forward") {
      // Of stride and padding that keep the size, as all are that are examined.
      const at::Tensor x = tensor(0), weight = tensor(1);
      total() += convolution(x.select(1, 0), weight) * static_cast<double>(weight.size(0));
    } else if (name == "aten::convolution_backward") {
      const auto wanted = inputs[10].toBoolList();
      total() += convolution(tensor(0), tensor(2)) * ((wanted[0] ? 1 : 0) + (wanted[1] ? 1 : 0));
    }
    return nullptr;
  }

  at::CallbackHandle handle_;
};

}  // namespace cl::testing
