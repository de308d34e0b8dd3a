#include "core/nn/small_products.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>

#include "core/base/error.h"
#include "core/nn/init.h"
#include "tests/support/catch.h"

namespace cl {

using at::Tensor;

namespace {

constexpr double kUntouched = 7;

Tensor drawn(at::IntArrayRef shape, uint64_t seed, at::ScalarType type) {
  return init::normal(shape, 0, 1, RngKey(seed), at::kCPU).to(type);
}

/// The matrix [rows, columns] in the upper left corner of `wide`.
template <class T>
Matrix<const T> corner(const Tensor& wide, int64_t rows, int64_t columns) {
  return {wide.data_ptr<T>(), rows, columns, wide.size(1)};
}

/// Product of a [5, 7] and b [7, 3] or of what their transposes are kept as, written into the
/// corner of a larger matrix by `write`.
template <class T, class Write>
Tensor product_in_corner(const Tensor& a, bool turns_a, const Tensor& b, bool turns_b,
                         const Write& write) {
  const auto type = c10::CppTypeToScalarType<T>::value;
  Tensor out = at::full({6, 4}, kUntouched, at::TensorOptions(type));
  const Matrix<const T> left = turns_a ? corner<T>(a, 7, 5).t() : corner<T>(a, 5, 7);
  const Matrix<const T> right = turns_b ? corner<T>(b, 3, 7).t() : corner<T>(b, 7, 3);
  write(Matrix<T>{out.data_ptr<T>(), 5, 3, 4}, left, right, T{0.5});
  return out;
}

template <class T>
void check_products() {
  const auto type = c10::CppTypeToScalarType<T>::value;
  const Tensor a = drawn({9, 9}, 1, type), b = drawn({8, 8}, 2, type);
  for (const bool turns_a : {false, true}) {
    for (const bool turns_b : {false, true}) {
      const Tensor left =
          turns_a ? a.narrow(0, 0, 7).narrow(1, 0, 5).t() : a.narrow(0, 0, 5).narrow(1, 0, 7);
      const Tensor right =
          turns_b ? b.narrow(0, 0, 3).narrow(1, 0, 7).t() : b.narrow(0, 0, 7).narrow(1, 0, 3);
      const Tensor result = product_in_corner<T>(a, turns_a, b, turns_b, write_product<T>);
      const Tensor of_libtorch =
          product_in_corner<T>(a, turns_a, b, turns_b, write_product_by_libtorch<T>);
      CHECK(at::equal(result, of_libtorch));
      const Tensor expected = at::matmul(left.to(at::kDouble), right.to(at::kDouble)).mul(0.5);
      const double tolerance = type == at::kDouble ? 1e-14 : 1e-6;
      CHECK(at::allclose(result.narrow(0, 0, 5).narrow(1, 0, 3).to(at::kDouble), expected,
                         tolerance, tolerance));
      CHECK(result.narrow(0, 5, 1).eq(kUntouched).all().template item<bool>());
      CHECK(result.narrow(1, 3, 1).eq(kUntouched).all().template item<bool>());
    }
  }
}

}  // namespace

TEST_CASE("small products are those of LibTorch, bit for bit", "[nn]") {
  check_products<float>();
  check_products<double>();
  Tensor empty = at::empty({0, 4});
  const Matrix<float> nothing{empty.data_ptr<float>(), 0, 4, 4};
  const Tensor b = drawn({4, 4}, 3, at::kFloat);
  CHECK_NOTHROW(
      write_product<float>(nothing, {b.data_ptr<float>(), 0, 4, 4}, corner<float>(b, 4, 4)));
  CHECK_THROWS_AS(write_product<float>(nothing, corner<float>(b, 4, 3), corner<float>(b, 4, 4)),
                  InternalError);
}

}  // namespace cl
