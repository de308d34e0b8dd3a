// What LibTorch computes with.
#pragma once

#include <string>

namespace cl::experiments {

/// "2.13.0".
/// @throws Error if the library that was loaded is another LibTorch than the one compiled for
[[nodiscard]] std::string libtorch_version();

/// The library that multiplies matrices: the version of MKL where LibTorch has it inside; else the
/// file, and for whose processors the kernels are, as OpenBLAS names them. Both are decided when
/// the program starts.
[[nodiscard]] std::string blas();

/// Of oneDNN and of LibTorch's own loops: "oneDNN 3.12.0, LibTorch's AVX2".
[[nodiscard]] std::string kernels();

}  // namespace cl::experiments
