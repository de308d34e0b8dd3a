// What every learner promises on a stream whose classes come back and that has experiences with
// nothing new to be tested on.
#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>

#include "core/data/tensor_dataset.h"
#include "tests/conformance/world.h"

namespace cl::conformance {
namespace {

/// The samples of `data` from `first` on, every second one.
DatasetPtr half(const Dataset& data, int64_t first) {
  std::vector<int64_t> rows;
  for (int64_t row = first; row < data.size(); row += 2) rows.push_back(row);
  return std::make_shared<TensorDataset>(
      data.fetch(rows, View::test()), data.labels().slice(0, first, data.size(), 2).contiguous());
}

/// Blobs with half of the samples, then the first experience again with the other half and without
/// a test set, as chunks of a stream without boundaries.
class ReturningBlobs final : public Stream {
 public:
  ReturningBlobs() : blobs_(blobs(7, /*train_per_class=*/32)), info_(blobs_->info()) {
    ++info_.num_experiences;
    info_.scenario = Scenario::kTaskFree;
  }
  const StreamInfo& info() const override { return info_; }
  Experience experience(int64_t k) const override {
    const bool is_new = k < blobs_->info().num_experiences;
    Experience result = blobs_->experience(is_new ? k : 0);
    result.index = k;
    result.train = half(*result.train, is_new ? 0 : 1);
    if (!is_new) {
      result.test =
          std::make_shared<TensorDataset>(result.test->fetch(std::vector<int64_t>{}, View::test()),
                                          at::empty({0}, at::TensorOptions(at::kLong)));
    }
    return result;
  }

 private:
  std::unique_ptr<Stream> blobs_;
  StreamInfo info_;
};

TEST_CASE("a learner goes on where classes come back and nothing new is tested",
          "[conformance][learner]") {
  const ReturningBlobs stream;
  const int64_t last = stream.info().num_experiences - 1;
  REQUIRE(stream.experience(last).test->size() == 0);
  for (const auto& entry : Learners::get().entries()) {
    INFO(entry->name);
    Run whole(*entry, stream), resumed(*entry, stream);
    const int64_t stop_after = entry->traits.is_joint ? 1 : last;
    whole.conduct(0, [&](int64_t steps) {
      if (steps == stop_after) resumed.learner->restore(whole.learner->save(), "checkpoint");
    });
    CHECK(whole.learner->classes_seen().size() == 6);
    CHECK(at::isfinite(whole.logits(0)).all().item<bool>());
    CHECK(std::isnan(whole.record.accuracy.at(last, last)));
    CHECK_FALSE(std::isnan(whole.record.accuracy.average_accuracy(last)));
    resumed.conduct(stop_after);
    CHECK(equal(resumed.learner->save(), whole.learner->save()));
  }
}

}  // namespace
}  // namespace cl::conformance
