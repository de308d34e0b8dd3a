#include "core/stream/image_dataset.h"

#include <algorithm>
#include <utility>

#include <ATen/ops/empty.h>

#include "core/base/check.h"
#include "core/data/content_digest.h"

namespace cl {

ImageDataset::ImageDataset(std::shared_ptr<const ImageSource> source, Split split,
                           std::vector<int64_t> rows, const std::vector<int64_t>& labels,
                           ImageTransform transform)
    : source_(std::move(source)),
      split_(split),
      rows_(std::move(rows)),
      labels_(at::empty({static_cast<int64_t>(labels.size())}, at::kLong)),
      transform_(std::move(transform)) {
  CL_CHECK(rows_.size() == labels.size(), "{} rows, {} labels", rows_.size(), labels.size());
  std::copy(labels.begin(), labels.end(), labels_.data_ptr<int64_t>());
  ContentDigest digest;
  digest.add(source_->digest());
  digest.add(std::string_view(split_ == Split::kTrain ? "train" : "test"));
  digest.add(rows_);
  digest.add(labels);
  digest.add(transform_.canonical());
  id_ = digest.hex();
}

Tensor ImageDataset::fetch(std::span<const int64_t> rows, const View& view) const {
  return transform_images(transform_, rows, view, [this](int64_t row) {
    return source_->image(split_, rows_.at(static_cast<size_t>(row)));
  });
}

}  // namespace cl
