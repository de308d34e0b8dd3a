#include "core/data/joined_dataset.h"

#include <algorithm>
#include <utility>

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include "core/base/check.h"
#include "core/config/write.h"

namespace cl {
namespace {

class JoinedDataset final : public Dataset {
 public:
  explicit JoinedDataset(std::vector<DatasetPtr> parts) : parts_(std::move(parts)) {
    std::vector<Tensor> labels;
    std::string ids = "joined";
    int64_t size = 0;
    for (const DatasetPtr& part : parts_) {
      labels.push_back(part->labels());
      ids += " " + part->id();
      augments_ = augments_ || part->augments();
      size += part->size();
      ends_.push_back(size);
    }
    labels_ = at::cat(labels);
    id_ = config::digest(ids);
  }

  int64_t size() const override { return ends_.back(); }
  const Tensor& labels() const override { return labels_; }
  const std::string& id() const override { return id_; }
  bool augments() const override { return augments_; }
  Tensor augmented(const Tensor& x, const RngKey& augment) const override {
    for (const DatasetPtr& part : parts_) CL_CHECK(part->augments() == augments_);
    return parts_.front()->augmented(x, augment);
  }

  Tensor fetch(std::span<const int64_t> rows, const View& view) const override {
    std::vector<std::vector<int64_t>> part_rows(parts_.size());
    std::vector<std::vector<int64_t>> places(parts_.size());  // where in the result
    for (size_t i = 0; i < rows.size(); ++i) {
      CL_CHECK(rows[i] >= 0 && rows[i] < size(), "row {} of {}", rows[i], size());
      const auto part = static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), rows[i]) -
                                            ends_.begin());
      part_rows[part].push_back(rows[i] - (part == 0 ? 0 : ends_[part - 1]));
      places[part].push_back(static_cast<int64_t>(i));
    }
    std::vector<Tensor> fetched;
    Tensor order = at::empty({static_cast<int64_t>(rows.size())}, at::TensorOptions(at::kLong));
    int64_t next = 0;
    for (size_t part = 0; part < parts_.size(); ++part) {
      if (part_rows[part].empty()) continue;
      fetched.push_back(parts_[part]->fetch(part_rows[part], view_of(part, view)));
      for (const int64_t place : places[part]) order.data_ptr<int64_t>()[place] = next++;
    }
    return at::cat(fetched).index_select(0, order);
  }

 private:
  static View view_of(size_t part, const View& view) {
    if (!view.augment) return view;
    View result = view;
    result.augment = view.augment->child("part").child(part);
    return result;
  }

  std::vector<DatasetPtr> parts_;
  std::vector<int64_t> ends_;  // row after the last of each part
  Tensor labels_;
  std::string id_;
  bool augments_ = false;
};

}  // namespace

DatasetPtr join(std::vector<DatasetPtr> parts) {
  CL_CHECK(!parts.empty(), "nothing to join");
  return std::make_shared<JoinedDataset>(std::move(parts));
}

}  // namespace cl
