#include "core/stream/image_dataset.h"

#include <algorithm>
#include <utility>

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include "core/base/check.h"
#include "core/data/content_digest.h"

namespace cl {

void ImageSelection::add(const std::vector<int64_t>& of_class, int64_t label) {
  rows.insert(rows.end(), of_class.begin(), of_class.end());
  labels.insert(labels.end(), of_class.size(), label);
}

ImageDataset::ImageDataset(std::shared_ptr<const ImageSource> source, ImageSelection selection,
                           ImageShift shift, ImageTransform transform)
    : source_(std::move(source)),
      selection_(std::move(selection)),
      shift_(std::move(shift)),
      transform_(std::move(transform)),
      labels_(at::empty({static_cast<int64_t>(selection_.labels.size())}, at::kLong)) {
  CL_CHECK(selection_.rows.size() == selection_.labels.size(), "{} rows, {} labels",
           selection_.rows.size(), selection_.labels.size());
  if (shift_.kind == "permutation") transform_.permute_pixels(RngKey(shift_.seed));
  std::copy(selection_.labels.begin(), selection_.labels.end(), labels_.data_ptr<int64_t>());
  ContentDigest digest;
  digest.add(source_->info().digest);
  digest.add(name(selection_.split));
  digest.add(selection_.rows);
  digest.add(selection_.labels);
  digest.add(transform_.canonical());
  if (shift_ != ImageShift{}) {
    digest.add(fmt::format("{} {} {}", shift_.kind, shift_.amount, shift_.seed));
  }
  id_ = digest.hex();
}

Tensor ImageDataset::fetch(std::span<const int64_t> rows, const View& view) const {
  const RngKey drawn = RngKey(shift_.seed).child("shift").child(name(selection_.split));
  return transform_images(transform_, rows, view, [&](int64_t row) {
    const int64_t source_row = selection_.rows.at(static_cast<size_t>(row));
    return shift_image(shift_, source_->image(selection_.split, source_row),
                       drawn.child(static_cast<uint64_t>(source_row)));
  });
}

}  // namespace cl
