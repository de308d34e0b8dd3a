// The non-linear functions that small networks beside a backbone choose from.
#pragma once

#include <array>
#include <string_view>

#include <ATen/core/Tensor.h>

namespace cl {

/// gelu is the exact one (erf), quick_gelu is x sigmoid(1.702 x), silu is also called swish.
enum class Activation { kRelu, kGelu, kQuickGelu, kSilu, kTanh, kIdentity };

/// In the order of the enumerators.
inline constexpr std::array<std::string_view, 6> kActivations{"relu", "gelu", "quick_gelu",
                                                              "silu", "tanh", "identity"};

/// @throws InternalError if `name` is none of kActivations
[[nodiscard]] Activation activation_named(std::string_view name);
/// x of any shape, element by element.
[[nodiscard]] at::Tensor activate(Activation activation, const at::Tensor& x);

}  // namespace cl
