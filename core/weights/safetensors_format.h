// What reading and writing safetensors files have to agree on. Included by weights/*.cc only.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <c10/core/ScalarType.h>

namespace cl::safetensors {

struct Type {
  std::string_view name;
  c10::ScalarType scalar;
};

inline constexpr std::array<Type, 9> kTypes{{{"F64", c10::ScalarType::Double},
                                             {"F32", c10::ScalarType::Float},
                                             {"F16", c10::ScalarType::Half},
                                             {"BF16", c10::ScalarType::BFloat16},
                                             {"I64", c10::ScalarType::Long},
                                             {"I32", c10::ScalarType::Int},
                                             {"I8", c10::ScalarType::Char},
                                             {"U8", c10::ScalarType::Byte},
                                             {"BOOL", c10::ScalarType::Bool}}};

inline constexpr std::string_view kMetadataKey = "__metadata__";
/// The header starts after its own length, in bytes.
inline constexpr uint64_t kLengthSize = 8;
/// No header of the format may be longer.
inline constexpr uint64_t kMaxHeaderSize = 100'000'000;

/// "F64, F32, ...".
inline std::string type_names() {
  std::string names;
  for (const Type& type : kTypes) names.append(names.empty() ? "" : ", ").append(type.name);
  return names;
}

}  // namespace cl::safetensors
