#include "core/nn/small_products.h"

#include <type_traits>

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/from_blob.h>
#include <dlfcn.h>

#include "core/base/check.h"

namespace cl {
namespace {

/// gemm of the Fortran interface, columns first. Sizes are passed as 64 bits: a BLAS that takes 32
/// finds them in the lower half.
template <class T>
using Gemm = void (*)(const char* transa, const char* transb, const int64_t* m, const int64_t* n,
                      const int64_t* k, const T* alpha, const T* a, const int64_t* lda, const T* b,
                      const int64_t* ldb, const T* beta, T* c, const int64_t* ldc);

template <class T>
Gemm<T> find_gemm() {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  const char* const name = std::is_same_v<T, float> ? "sgemm_" : "dgemm_";
  return reinterpret_cast<Gemm<T>>(dlsym(RTLD_DEFAULT, name));
#else
  return nullptr;
#endif
}

template <class T>
at::Tensor as_tensor(const Matrix<T>& matrix) {
  using Value = std::remove_const_t<T>;
  const auto options = at::TensorOptions(c10::CppTypeToScalarType<Value>::value);
  auto* const values = const_cast<Value*>(matrix.values);
  if (matrix.is_transposed) return as_tensor(matrix.t()).t();
  return at::from_blob(values, {matrix.rows, matrix.columns}, {matrix.stride, 1}, options);
}

}  // namespace

template <class T>
void write_product(Matrix<T> out, Matrix<const T> a, Matrix<const T> b, T factor) {
  static const Gemm<T> gemm = find_gemm<T>();
  if (gemm == nullptr) return write_product_by_libtorch(out, a, b, factor);
  CL_CHECK(!out.is_transposed && a.columns == b.rows);
  // Read column by column, memory holds the transposes: out^T = b^T a^T.
  const char of_a = a.is_transposed ? 'T' : 'N', of_b = b.is_transposed ? 'T' : 'N';
  const T nothing = 0;
  gemm(&of_b, &of_a, &out.columns, &out.rows, &a.columns, &factor, b.values, &b.stride, a.values,
       &a.stride, &nothing, out.values, &out.stride);
}

template <class T>
void write_product_by_libtorch(Matrix<T> out, Matrix<const T> a, Matrix<const T> b, T factor) {
  const at::AutoDispatchBelowADInplaceOrView no_recording;
  at::Tensor result = as_tensor(out);
  at::addmm_out(result, result, as_tensor(a), as_tensor(b), /*beta=*/0, factor);
}

template void write_product(Matrix<float>, Matrix<const float>, Matrix<const float>, float);
template void write_product(Matrix<double>, Matrix<const double>, Matrix<const double>, double);
template void write_product_by_libtorch(Matrix<float>, Matrix<const float>, Matrix<const float>,
                                        float);
template void write_product_by_libtorch(Matrix<double>, Matrix<const double>, Matrix<const double>,
                                        double);

}  // namespace cl
