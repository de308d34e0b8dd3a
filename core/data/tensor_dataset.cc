#include "core/data/tensor_dataset.h"

#include <cstddef>

#include "core/base/check.h"
#include "core/data/content_digest.h"
#include "core/data/row_index.h"

namespace cl {
namespace {

void add(ContentDigest& digest, const Tensor& tensor) {
  const auto sizes = tensor.sizes();
  digest.add(std::span<const int64_t>(sizes.data(), sizes.size()));
  digest.add(std::span(static_cast<const std::byte*>(tensor.data_ptr()), tensor.nbytes()));
}

}  // namespace

TensorDataset::TensorDataset(const Tensor& x, const Tensor& labels)
    : x_(x.detach().to(at::kCPU, at::kFloat).contiguous()),
      labels_(labels.detach().to(at::kCPU, at::kLong).contiguous()) {
  CL_CHECK(x_.dim() >= 1 && labels_.dim() >= 1 && x_.size(0) == labels_.size(0),
           "samples and labels differ in number");
  ContentDigest digest;
  add(digest, x_);
  add(digest, labels_);
  id_ = digest.hex();
}

Tensor TensorDataset::fetch(std::span<const int64_t> rows, const View& /*view*/) const {
  return x_.index_select(0, row_index(rows, at::kCPU));
}

}  // namespace cl
