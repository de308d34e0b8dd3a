#include "core/train/losses.h"

#include <cmath>
#include <vector>

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "core/base/error.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

using at::Tensor;

constexpr double kFloatTolerance = 1e-6;

Tensor matrix(const std::vector<float>& values, int64_t columns) {
  return at::tensor(values).reshape({-1, columns});
}

TEST_CASE("kept classes keep their logits, all others become minus infinity", "[losses]") {
  const Tensor kept = train::keep_classes(matrix({1, 2, 3, 4, 5, 6}, 3), {2, 0});
  CHECK(kept[1][0].item<double>() == 4);
  CHECK(kept[1][2].item<double>() == 6);
  CHECK(kept[0][1].item<double>() == -HUGE_VAL);
  CHECK(kept[1][1].item<double>() == -HUGE_VAL);
}

TEST_CASE("masking leaves its argument alone", "[losses]") {
  const Tensor logits = matrix({1, 2}, 2);
  (void)train::keep_classes(logits, {0});
  CHECK(logits[0][1].item<double>() == 2);
}

TEST_CASE("a class outside of the logits is a mistake of ours", "[losses]") {
  CHECK_THROWS_AS(train::keep_classes(matrix({1, 2}, 2), {2}), InternalError);
  CHECK_THROWS_AS(train::keep_classes(matrix({1, 2}, 2), {-1}), InternalError);
}

TEST_CASE("cross-entropy over kept classes is that of these classes alone", "[losses]") {
  const Tensor logits = matrix({9, 1, 3, 7, 9, 2, 2, 7}, 4).set_requires_grad(true);
  const Tensor loss = train::cross_entropy(train::keep_classes(logits, {1, 2}),
                                           at::tensor(std::vector<int64_t>{1, 2}));
  // logits (1, 3), class first: log(1 + e^2); logits (2, 2): log 2; mean of both
  CHECK(loss.item<double>() ==
        Approx((std::log(1 + std::exp(2.0)) + std::log(2.0)) / 2).margin(kFloatTolerance));

  loss.backward();
  for (const int64_t dropped : {0, 3}) {
    CHECK(logits.grad().select(1, dropped).abs().max().item<double>() == 0);
  }
  // second row: (softmax - one-hot) / N = (1/2, 1/2 - 1) / 2
  CHECK(logits.grad()[1][1].item<double>() == Approx(0.25).margin(kFloatTolerance));
  CHECK(logits.grad()[1][2].item<double>() == Approx(-0.25).margin(kFloatTolerance));
}

TEST_CASE("cosine similarity compares every pair of rows and ignores lengths", "[losses]") {
  const Tensor cosine =
      train::cosine_similarity(matrix({3, 4, -2, 0}, 2), matrix({1, 0, 0, 5, 6, 8}, 2));
  REQUIRE(cosine.sizes() == at::IntArrayRef({2, 3}));
  // (3, 4) / 5 against (1, 0), (0, 1), (3, 4) / 5
  CHECK(cosine[0][0].item<double>() == Approx(0.6).margin(kFloatTolerance));
  CHECK(cosine[0][1].item<double>() == Approx(0.8).margin(kFloatTolerance));
  CHECK(cosine[0][2].item<double>() == Approx(1).margin(kFloatTolerance));
  CHECK(cosine[1][0].item<double>() == Approx(-1).margin(kFloatTolerance));
}

TEST_CASE("a row of zeros is similar to nothing", "[losses]") {
  const Tensor cosine =
      train::cosine_similarity(at::zeros({1, 2}, at::TensorOptions(at::kFloat)), matrix({1, 0}, 2));
  CHECK(cosine.item<double>() == 0);
}

TEST_CASE("the divergence of equal predictions is zero, of others what the sum says", "[losses]") {
  const Tensor a = matrix({0, 0, 1, 2}, 2), b = matrix({0, std::log(3.0F), 1, 2}, 2);
  CHECK(train::kl_divergence(a, a).item<double>() == 0);
  // First row: p = (1/2, 1/2), q = (1/4, 3/4): (log 2 + log 2/3) / 2; second row: 0.
  CHECK(train::kl_divergence(a, b).item<double>() ==
        Approx((std::log(2.0) + std::log(2.0 / 3)) / 4).margin(kFloatTolerance));
  // The other way round: (log 1/2 + 3 log 3/2) / 4.
  CHECK(train::kl_divergence(b, a).item<double>() ==
        Approx((std::log(0.5) + 3 * std::log(1.5)) / 8).margin(kFloatTolerance));
}

TEST_CASE("the gradient of the divergence is that of differences, and none reaches the target",
          "[losses]") {
  const Tensor target = matrix({0.3F, -1, 2, 0, 0.5F, 0.1F}, 3).to(at::kDouble);
  const Tensor logits = matrix({1, 0.2F, -0.4F, 0.7F, -2, 0}, 3).to(at::kDouble);
  target.set_requires_grad(true);
  logits.set_requires_grad(true);
  train::kl_divergence(target, logits).backward();
  CHECK_FALSE(target.grad().defined());
  constexpr double kStep = 1e-5;
  for (int64_t i = 0; i < 6; ++i) {
    const auto moved = [&](double step) {
      const Tensor at = logits.detach().clone();
      at.view({6})[i].add_(step);
      return train::kl_divergence(target, at).item<double>();
    };
    CHECK(logits.grad().view({6})[i].item<double>() ==
          Approx((moved(kStep) - moved(-kStep)) / (2 * kStep)).margin(1e-9));
  }
}

TEST_CASE("distillation is the cross-entropy of softened softmaxes over the classes asked for",
          "[losses]") {
  // teacher (2 ln 3, 0) / 2 -> (3/4, 1/4) over classes 0 and 2; class 1 takes no part
  const Tensor teacher = matrix({static_cast<float>(2 * std::log(3.0)), 50, 0}, 3);
  const Tensor level = matrix({1, -9, 1}, 3);  // both 1/2: - log(1/2)
  CHECK(train::distillation(level, teacher, {0, 2}, 2).item<double>() ==
        Approx(std::log(2.0)).margin(kFloatTolerance));
  // equal to the teacher: its entropy
  CHECK(train::distillation(teacher, teacher, {0, 2}, 2).item<double>() ==
        Approx(-0.75 * std::log(0.75) - 0.25 * std::log(0.25)).margin(kFloatTolerance));
}

TEST_CASE("the gradient of distillation is that of differences", "[losses]") {
  const auto doubles = at::TensorOptions(at::kDouble);
  const Tensor teacher = at::tensor({1.0, -2.0, 0.5, 3.0, 0.3, -0.7}, doubles).reshape({2, 3});
  const std::vector<double> values{0.2, 1.5, -0.4, 2.0, -1.0, 0.6};
  const auto loss = [&](const std::vector<double>& student) {
    return train::distillation(at::tensor(student, doubles).reshape({2, 3}), teacher, {0, 1}, 2);
  };
  const Tensor student = at::tensor(values, doubles).reshape({2, 3}).set_requires_grad(true);
  train::distillation(student, teacher, {0, 1}, 2).backward();
  constexpr double kStep = 1e-5;
  for (size_t i = 0; i < values.size(); ++i) {
    auto above = values, below = values;
    above[i] += kStep;
    below[i] -= kStep;
    const double expected = (loss(above).item<double>() - loss(below).item<double>()) / (2 * kStep);
    CHECK(student.grad().flatten()[static_cast<int64_t>(i)].item<double>() ==
          Approx(expected).margin(1e-8));
  }
}

}  // namespace
}  // namespace cl
