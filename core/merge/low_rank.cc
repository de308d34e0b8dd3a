#include "core/merge/low_rank.h"

#include <cmath>
#include <tuple>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svd.h>

#include "core/base/check.h"
#include "core/merge/signs.h"

namespace cl::merge {

void LowRank::tensors(TensorVisitor& visitor) {
  visitor.parameter("a", a);
  visitor.parameter("b", b);
}

Tensor product(const LowRank& factors) {
  return factors.a.matmul(factors.b);
}

Tensor positions(const Update& update) {
  std::vector<Tensor> parts;
  for (const LowRank& layer : update) {
    parts.push_back(layer.a);
    parts.push_back(layer.b.t());
  }
  return at::cat(parts);
}

Update from_positions(const Tensor& positions, const std::vector<Size>& sizes) {
  Update update;
  int64_t first = 0;
  for (const Size& size : sizes) {
    const Tensor a = positions.narrow(0, first, size.rows);
    const Tensor b = positions.narrow(0, first + size.rows, size.columns).t();
    update.push_back({a.contiguous(), b.contiguous()});
    first += size.rows + size.columns;
  }
  CL_CHECK(first == positions.size(0), "{} positions for layers of {}", positions.size(0), first);
  return update;
}

Svd thin_svd(const Tensor& matrix) {
  const auto [u, s, vh] = at::linalg_svd(matrix.to(at::kDouble), /*full_matrices=*/false);
  const Tensor signs = column_signs(u);
  return {u.mul(signs), s, vh.t().mul(signs)};
}

Svd thin_svd(const LowRank& factors) {
  // A B = Qa (Ra Rb^T) Qb^T: only the small matrix in between is decomposed.
  const auto [qa, ra] = at::linalg_qr(factors.a.to(at::kDouble));
  const auto [qb, rb] = at::linalg_qr(factors.b.to(at::kDouble).t());
  const auto [u, s, vh] = at::linalg_svd(ra.matmul(rb.t()), /*full_matrices=*/false);
  const Tensor left = qa.matmul(u);
  const Tensor signs = column_signs(left);
  return {left.mul(signs), s, qb.matmul(vh.t()).mul(signs)};
}

double relative_error(const Update& found, const Update& expected) {
  CL_CHECK(found.size() == expected.size(), "{} layers, expected {}", found.size(),
           expected.size());
  double error = 0, norm = 0;
  for (size_t layer = 0; layer < expected.size(); ++layer) {
    const Tensor wanted = product(expected[layer]).to(at::kDouble);
    error += product(found[layer]).to(at::kDouble).sub(wanted).square().sum().item<double>();
    norm += wanted.square().sum().item<double>();
  }
  return error == 0 ? 0 : std::sqrt(error / norm);
}

}  // namespace cl::merge
