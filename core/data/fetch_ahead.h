// Samples that are fetched while the ones before them are being computed with.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>

#include "core/data/samples.h"

namespace cl {

/// How long fetching took, in seconds.
struct FetchTime {
  double worked = 0;  // on whatever thread
  double waited = 0;  // of that, what the asking thread did not do something else meanwhile
};

/// `source` itself, but that what `expect` announces is fetched on TBB's threads while the caller
/// computes. An announcer is believed as soon as something it announced was asked for, and until
/// something was not: samples whose features are remembered are not read in vain.
/// One thread asks; what it gets, and what is thrown, is as without.
class FetchAhead final : public Dataset {
 public:
  explicit FetchAhead(DatasetPtr source);
  ~FetchAhead() override;

  [[nodiscard]] int64_t size() const override { return source_->size(); }
  [[nodiscard]] const std::string& id() const override { return source_->id(); }
  [[nodiscard]] bool augments() const override { return source_->augments(); }
  [[nodiscard]] const Tensor& labels() const override { return source_->labels(); }
  [[nodiscard]] Tensor fetch(std::span<const int64_t> rows, const View& view) const override;
  [[nodiscard]] Tensor augmented(const Tensor& x, const RngKey& augment) const override {
    return source_->augmented(x, augment);
  }
  void expect(std::span<const int64_t> rows, const View& view, Announcer announcer) const override;

  /// So far.
  [[nodiscard]] FetchTime time() const;

 private:
  class Order;
  /// What one announcer said.
  struct Line {
    std::deque<std::unique_ptr<Order>> orders;  // not asked for yet
    bool is_believed = false;

    void give_up_oldest();
  };

  DatasetPtr source_;
  // Fetching changes these, not the samples.
  mutable std::array<Line, kNumAnnouncers> lines_;
  mutable FetchTime time_;
};

}  // namespace cl
