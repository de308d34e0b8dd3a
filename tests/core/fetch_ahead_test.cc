#include "core/data/fetch_ahead.h"

#include <atomic>
#include <thread>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>

#include "core/base/error.h"
#include "core/data/row_index.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

using at::Tensor;
using Rows = std::vector<int64_t>;

/// Sample i is the number i; row 99 cannot be read.
class Counted final : public Dataset {
 public:
  explicit Counted(int64_t size) : labels_(row_index(Rows(static_cast<size_t>(size)), at::kCPU)) {}
  int64_t size() const override { return labels_.size(0); }
  const std::string& id() const override { return id_; }
  bool augments() const override { return false; }
  const Tensor& labels() const override { return labels_; }
  Tensor fetch(std::span<const int64_t> rows, const View& view) const override {
    ++num_fetched;
    for (const int64_t row : rows) {
      if (row == 99) throw Error("row 99 is broken");
    }
    const double added = view.augment ? 1000 : 0;
    return row_index(rows, at::kCPU).to(at::kDouble) + added;
  }

  mutable std::atomic<int> num_fetched = 0;

 private:
  Tensor labels_;
  std::string id_ = "counted";
};

struct Ahead {
  std::shared_ptr<Counted> source = std::make_shared<Counted>(100);
  FetchAhead samples{source};

  void expect(const Rows& rows, Announcer announcer = Announcer::kBatches) const {
    samples.expect(rows, View::test(), announcer);
  }
  [[nodiscard]] Rows fetch(const Rows& rows, const View& view = View::test()) const {
    const Tensor x = samples.fetch(rows, view).to(at::kLong);
    return {x.data_ptr<int64_t>(), x.data_ptr<int64_t>() + x.numel()};
  }
  /// Whether rows that are announced now are on their way before they are asked for.
  [[nodiscard]] bool fetches_ahead(const Rows& rows,
                                   Announcer announcer = Announcer::kBatches) const {
    const int before = source->num_fetched;
    expect(rows, announcer);
    for (int i = 0; i < 200 && source->num_fetched == before; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    const bool result = source->num_fetched > before;
    CHECK(fetch(rows) == rows);
    CHECK(source->num_fetched == before + 1);
    return result;
  }
};

TEST_CASE("an announcer is believed once it was right", "[fetch_ahead]") {
  const Ahead ahead;
  CHECK(ahead.fetch({3, 1}) == Rows{3, 1});
  CHECK_FALSE(ahead.fetches_ahead({5, 2}));
  CHECK(ahead.fetches_ahead({7}));
  CHECK(ahead.fetches_ahead({7}));
  SECTION("each for itself") {
    CHECK_FALSE(ahead.fetches_ahead({8}, Announcer::kPieces));
    CHECK(ahead.fetches_ahead({8}));
    CHECK(ahead.fetches_ahead({8}, Announcer::kPieces));
  }
  SECTION("until it was wrong") {
    ahead.expect({20});
    ahead.expect({21});
    ahead.expect({22});  // nobody wanted the first of these
    CHECK(ahead.fetch({30}) == Rows{30});
    CHECK(ahead.source->num_fetched <= 4 + 2 + 1);
    ahead.expect({23});
    ahead.expect({24});
    const int before = ahead.source->num_fetched;
    CHECK_FALSE(ahead.fetches_ahead({25}));
    CHECK(ahead.source->num_fetched == before + 1);
    CHECK(ahead.fetches_ahead({26}));
  }
}

TEST_CASE("what is skipped is given up, and views are told apart", "[fetch_ahead]") {
  const Ahead ahead;
  CHECK_FALSE(ahead.fetches_ahead({1}));
  ahead.expect({2});
  ahead.expect({3});
  CHECK(ahead.fetch({3}) == Rows{3});
  ahead.expect({4});
  CHECK(ahead.fetch({4}, View::train(RngKey(1))) == Rows{1004});
  CHECK(ahead.fetch({4}) == Rows{4});
}

TEST_CASE("a failure comes when the broken samples are asked for, not before", "[fetch_ahead]") {
  const Ahead ahead;
  CHECK_FALSE(ahead.fetches_ahead({1}));
  CHECK_NOTHROW(ahead.expect({12, 99}));
  CHECK_THROWS_WITH((void)ahead.fetch({12, 99}), "row 99 is broken");
  CHECK(ahead.fetch({14}) == Rows{14});
  CHECK_NOTHROW(ahead.expect({99}));  // on its way, or not, when everything ends
}

TEST_CASE("the time waited is part of the time worked", "[fetch_ahead]") {
  const Ahead ahead;
  CHECK(ahead.samples.time().worked == 0);
  CHECK(ahead.fetch({1}) == Rows{1});
  const FetchTime alone = ahead.samples.time();
  CHECK(alone.worked > 0);
  CHECK(alone.waited == alone.worked);
}

TEST_CASE("a loop over batches announces each but the first", "[fetch_ahead]") {
  const auto source = std::make_shared<Counted>(90);
  const FetchAhead samples(source);
  std::vector<Rows> visited;
  for_batches(samples, View::test(), 40, [&](std::span<const int64_t> rows) {
    visited.emplace_back(rows.begin(), rows.end());
    CHECK(at::equal(samples.fetch(rows, View::test()), row_index(rows, at::kCPU).to(at::kDouble)));
  });
  REQUIRE(visited.size() == 3);
  CHECK(visited[1].front() == 40);
  CHECK(visited[2].size() == 10);
  CHECK(source->num_fetched == 3);
}

}  // namespace
}  // namespace cl
