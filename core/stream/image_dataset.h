// Some images of a source, under the labels a stream gives them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/data/image_shift.h"
#include "core/data/image_transform.h"
#include "core/data/samples.h"
#include "core/stream/image_source.h"

namespace cl {

/// Which images of a split, and what a stream calls them.
struct ImageSelection {
  Split split = Split::kTrain;
  std::vector<int64_t> rows;    // into the split of the source
  std::vector<int64_t> labels;  // class id of each row

  void add(const std::vector<int64_t>& of_class, int64_t label);
};

/// Immutable, shared across threads; decodes at every fetch.
class ImageDataset final : public Dataset {
 public:
  ImageDataset(std::shared_ptr<const ImageSource> source, ImageSelection selection,
               ImageShift shift, ImageTransform transform);

  [[nodiscard]] int64_t size() const override {
    return static_cast<int64_t>(selection_.rows.size());
  }
  [[nodiscard]] Tensor fetch(std::span<const int64_t> rows, const View& view) const override;
  [[nodiscard]] const std::string& id() const override { return id_; }
  [[nodiscard]] bool augments() const override { return transform_.augments(); }
  [[nodiscard]] Tensor augmented(const Tensor& x, const RngKey& augment) const override {
    return augment_again(transform_, x, augment);
  }
  [[nodiscard]] const Tensor& labels() const override { return labels_; }

 private:
  std::shared_ptr<const ImageSource> source_;
  ImageSelection selection_;
  ImageShift shift_;
  ImageTransform transform_;
  Tensor labels_;
  std::string id_;
};

}  // namespace cl
