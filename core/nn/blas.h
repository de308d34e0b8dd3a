// Which kernels OpenBLAS multiplies matrices with, where it is the BLAS behind LibTorch.
#pragma once

#include <string>

namespace cl {

/// OpenBLAS 0.3.21 (Debian 12) takes processors that are younger than it for ones without AVX-512,
/// and is then half as fast as they allow. Where that is so, this chooses its AVX-512 kernels.
/// OPENBLAS_CORETYPE in the environment wins; another BLAS is left alone. To be called at the start
/// of main().
void choose_blas_kernels();

/// The family of processors whose kernels are used, as OpenBLAS names it; "" for another BLAS.
[[nodiscard]] std::string blas_kernels();

}  // namespace cl
