// Products of matrices so small that LibTorch's way to its BLAS costs more than the product.
#pragma once

#include <cstdint>

namespace cl {

/// Where a matrix of float or double lies in memory, row after row, or its transpose. Owns nothing.
template <class T>
struct Matrix {
  T* values;
  int64_t rows, columns;
  int64_t stride;  // from a row in memory to the next
  bool is_transposed = false;

  [[nodiscard]] Matrix t() const { return {values, columns, rows, stride, !is_transposed}; }
};

/// out = factor * a b. Calls the BLAS that LibTorch calls, found by name among the loaded
/// libraries; where there is none of that name, LibTorch. The result is the same, bit for bit.
/// @param out  not transposed; none of its values lies in `a` or `b`
template <class T>
void write_product(Matrix<T> out, Matrix<const T> a, Matrix<const T> b, T factor = 1);

/// The same by LibTorch's own operation.
template <class T>
void write_product_by_libtorch(Matrix<T> out, Matrix<const T> a, Matrix<const T> b, T factor = 1);

}  // namespace cl
