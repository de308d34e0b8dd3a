// Some images of a source, under the labels a stream gives them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/data/image_transform.h"
#include "core/data/samples.h"
#include "core/stream/image_source.h"

namespace cl {

/// Immutable, shared across threads; decodes at every fetch.
class ImageDataset final : public Dataset {
 public:
  /// @param rows    indices into `split` of the source
  /// @param labels  class id of each row, as many as `rows`
  ImageDataset(std::shared_ptr<const ImageSource> source, Split split, std::vector<int64_t> rows,
               const std::vector<int64_t>& labels, ImageTransform transform);

  [[nodiscard]] int64_t size() const override { return static_cast<int64_t>(rows_.size()); }
  [[nodiscard]] Tensor fetch(std::span<const int64_t> rows, const View& view) const override;
  [[nodiscard]] const std::string& id() const override { return id_; }
  [[nodiscard]] bool augments() const override { return transform_.augments(); }
  [[nodiscard]] const Tensor& labels() const override { return labels_; }

  /// Where the samples stand in the source.
  [[nodiscard]] Split split() const { return split_; }
  [[nodiscard]] const std::vector<int64_t>& source_rows() const { return rows_; }

 private:
  std::shared_ptr<const ImageSource> source_;
  Split split_;
  std::vector<int64_t> rows_;
  Tensor labels_;
  ImageTransform transform_;
  std::string id_;
};

}  // namespace cl
