#include "core/metrics/accuracy_matrix.h"

#include <cmath>
#include <limits>
#include <vector>

#include "core/base/error.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

constexpr double kTolerance = 1e-12;

AccuracyMatrix matrix_of(const std::vector<std::vector<double>>& rows) {
  AccuracyMatrix matrix(static_cast<int64_t>(rows.size()));
  for (size_t after = 0; after < rows.size(); ++after) {
    for (size_t on = 0; on < rows.size(); ++on) {
      if (std::isnan(rows[after][on])) continue;
      matrix.set(static_cast<int64_t>(after), static_cast<int64_t>(on), rows[after][on]);
    }
  }
  return matrix;
}

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

TEST_CASE("a matrix with plain forgetting gives every number of the worked example", "[metrics]") {
  const AccuracyMatrix matrix = matrix_of({{.90, .20, .10}, {.70, .80, .25}, {.60, .70, .75}});
  const std::vector<int64_t> num_test{1000, 500, 500};

  // Zero-shot entries above the diagonal enter nothing.
  CHECK(matrix.average_accuracy(0) == Approx(.9).margin(kTolerance));
  CHECK(matrix.average_accuracy(1) == Approx(.75).margin(kTolerance));       // (.7 + .8) / 2
  CHECK(matrix.average_accuracy(2) == Approx(2.05 / 3).margin(kTolerance));  // .6 + .7 + .75
  // (600 + 350 + 375) / 2000
  CHECK(matrix.average_accuracy(2, num_test) == Approx(.6625).margin(kTolerance));
  // (.9 + .75 + .683333) / 3
  CHECK(matrix.average_incremental_accuracy() == Approx(7.0 / 9).margin(kTolerance));
  // second row: (700 + 400) / 1500 = .733333; (.9 + .733333 + .6625) / 3 = .765278
  CHECK(matrix.average_incremental_accuracy(num_test) ==
        Approx((.9 + 11.0 / 15 + .6625) / 3).margin(kTolerance));
  CHECK(matrix.learning_accuracy() == Approx(2.45 / 3).margin(kTolerance));  // .9 + .8 + .75
  CHECK(matrix.forgetting(1) == Approx(.2).margin(kTolerance));              // .9 - .7
  CHECK(matrix.forgetting(2) == Approx(.2).margin(kTolerance));              // (.3 + .1) / 2
  CHECK(matrix.backward_transfer() == Approx(-.2).margin(kTolerance));       // (-.3 - .1) / 2
}

TEST_CASE("macro and micro averages differ for tests of unequal size", "[metrics]") {
  // 100 and 300 test images, 95 right after the first experience, 90 and 150 after the second.
  const AccuracyMatrix matrix = matrix_of({{.95, kMissing}, {.90, .50}});
  const std::vector<int64_t> num_test{100, 300};
  CHECK(matrix.average_accuracy(1, num_test) == Approx(.60).margin(kTolerance));  // 240 / 400
  CHECK(matrix.average_accuracy(1) == Approx(.70).margin(kTolerance));
  CHECK(matrix.average_incremental_accuracy(num_test) == Approx(.775).margin(kTolerance));
  CHECK(matrix.forgetting(1) == Approx(.05).margin(kTolerance));
  CHECK(matrix.backward_transfer() == Approx(-.05).margin(kTolerance));
}

TEST_CASE("micro average over five unequal groups agrees with a published log", "[metrics]") {
  // SimpleCIL on VTAB: groups of 1000, 400, 985, 5400 and 834 images print micro 84.37,
  // macro 88.26.
  AccuracyMatrix matrix(5);
  const std::vector<double> accuracies{.8730, .8025, .9401, .8000, .9976};
  for (size_t on = 0; on < 5; ++on) matrix.set(4, static_cast<int64_t>(on), accuracies[on]);
  CHECK(matrix.average_accuracy(4, {1000, 400, 985, 5400, 834}) == Approx(.8437).margin(5e-5));
  CHECK(matrix.average_accuracy(4) == Approx(.8826).margin(5e-5));
}

TEST_CASE("forgetting is negative where an experience got better, and is not clipped",
          "[metrics]") {
  const AccuracyMatrix matrix = matrix_of({{.5, kMissing}, {.6, .5}});
  CHECK(matrix.forgetting(1) == Approx(-.1).margin(kTolerance));
}

TEST_CASE("forgetting takes the best accuracy since an experience was learned", "[metrics]") {
  // Experience 0 peaks between: .9 - .4 = .5. Experience 1 was zero-shot .95 before it was learned,
  // which does not count: .6 - .5 = .1. Mean .3.
  const AccuracyMatrix matrix = matrix_of({{.7, .95, 0}, {.9, .6, 0}, {.4, .5, .8}});
  CHECK(matrix.forgetting(2) == Approx(.3).margin(kTolerance));
}

TEST_CASE("numbers of a single experience that compare two moments are undefined", "[metrics]") {
  const AccuracyMatrix matrix = matrix_of({{.5}});
  CHECK(std::isnan(matrix.forgetting(0)));
  CHECK(std::isnan(matrix.backward_transfer()));
  CHECK(matrix.average_incremental_accuracy() == .5);
}

TEST_CASE("a missing entry makes every number that needs it undefined", "[metrics]") {
  // Evaluated once, after everything.
  const AccuracyMatrix once = matrix_of({{kMissing, kMissing}, {.8, .6}});
  CHECK(once.average_accuracy(1) == Approx(.7).margin(kTolerance));
  CHECK(std::isnan(once.average_incremental_accuracy()));
  CHECK(std::isnan(once.average_incremental_accuracy({10, 10})));
  CHECK(std::isnan(once.forgetting(1)));
  CHECK(std::isnan(once.backward_transfer()));
  CHECK(std::isnan(once.learning_accuracy()));

  // A gap in the middle of a column, which a maximum would pass over.
  const AccuracyMatrix gap =
      matrix_of({{.9, kMissing, kMissing}, {kMissing, .8, kMissing}, {.7, .6, .9}});
  CHECK(std::isnan(gap.forgetting(2)));
}

TEST_CASE("an experience without a test set counts in no mean", "[metrics]") {
  AccuracyMatrix matrix =
      matrix_of({{.9, kMissing, kMissing}, {.7, kMissing, kMissing}, {.6, kMissing, .8}});
  matrix.exclude(1);
  CHECK(matrix.average_accuracy(1) == Approx(.7).margin(kTolerance));
  CHECK(matrix.average_accuracy(2) == Approx(.7).margin(kTolerance));  // (.6 + .8) / 2
  CHECK(matrix.average_accuracy(2, {30, 0, 10}) ==
        Approx(.65).margin(kTolerance));  // (18 + 8) / 40
  CHECK(matrix.average_incremental_accuracy() == Approx(2.3 / 3).margin(kTolerance));
  CHECK(matrix.forgetting(2) == Approx(.3).margin(kTolerance));         // .9 - .6, alone
  CHECK(matrix.backward_transfer() == Approx(-.3).margin(kTolerance));  // .6 - .9, alone
  CHECK(matrix.learning_accuracy() == Approx(.85).margin(kTolerance));  // (.9 + .8) / 2
}

TEST_CASE("an accuracy matrix refuses places and values that cannot be", "[metrics]") {
  AccuracyMatrix matrix(2);
  CHECK_THROWS_AS(matrix.set(2, 0, .5), InternalError);
  CHECK_THROWS_AS(matrix.set(0, -1, .5), InternalError);
  CHECK_THROWS_AS(matrix.set(0, 0, 1.01), InternalError);
  CHECK_THROWS_AS(matrix.set(0, 0, kMissing), InternalError);
  CHECK_THROWS_AS(matrix.at(0, 2), InternalError);
  CHECK_THROWS_AS(matrix.average_accuracy(1, {100}), InternalError);
}

}  // namespace
}  // namespace cl
