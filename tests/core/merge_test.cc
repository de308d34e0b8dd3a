#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/config/read.h"
#include "core/merge/bank.h"
#include "core/merge/dare.h"
#include "core/merge/gauge.h"
#include "core/merge/int8.h"
#include "core/merge/low_rank_merge.h"
#include "core/merge/reversible.h"
#include "core/merge/task_arithmetic.h"
#include "core/merge/ties.h"
#include "core/merge/truncation.h"
#include "core/nn/init.h"
#include "tests/support/catch.h"

namespace cl::merge {
namespace {

constexpr double kTolerance = 1e-5;
constexpr int64_t kRows = 6, kColumns = 5;

double largest(const Tensor& difference) {
  return difference.abs().max().item<double>();
}

Tensor random(at::IntArrayRef shape, uint64_t seed) {
  return init::normal(shape, 0, 1, RngKey(seed), at::kCPU);
}

Tensor matrix(std::vector<double> values, at::IntArrayRef shape) {
  return at::tensor(values, at::kDouble).view(shape);
}

/// Updates of `n` tasks: two layers [6, 5] and [5, 6] of rank r.
std::vector<Update> random_tasks(int64_t n, int64_t r, uint64_t seed = 1) {
  std::vector<Update> tasks;
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t own = 100 * seed + 4 * static_cast<uint64_t>(i);
    tasks.push_back({{random({kRows, r}, own), random({r, kColumns}, own + 1)},
                     {random({kColumns, r}, own + 2), random({r, kRows}, own + 3)}});
  }
  return tasks;
}

const std::vector<Size> kSizes{{kRows, kColumns}, {kColumns, kRows}};

/// [n, P, r]
Tensor stacked(const std::vector<Update>& tasks) {
  std::vector<Tensor> all;
  for (const Update& task : tasks) all.push_back(positions(task));
  return at::stack(all);
}

Reversible fit(const Tensor& tasks, int64_t size) {
  return keep(components(tasks), size);
}

double total_error(const Reversible& bank, const Tensor& tasks) {
  double error = 0;
  for (int64_t i = 0; i < tasks.size(0); ++i) {
    error += (tasks[i] - revert(bank, i)).square().sum().item<double>();
  }
  return error;
}

std::unique_ptr<Bank> bank(const std::string& options) {
  const auto read = config::read<BankOptions>(config::Node::parse("{" + options + "}", "test"));
  return make_bank(read, {kSizes, RngKey(5), at::kCPU});
}

std::unique_ptr<Bank> bank(const std::string& options, const std::vector<Update>& tasks) {
  auto result = bank(options);
  for (const Update& task : tasks) result->add(task);
  return result;
}

Tensor reverted(const Bank& from, int64_t network) {
  return positions(from.revert(network));
}

/// Squared distance of all tasks from what comes out.
double total_error(const Bank& from, const std::vector<Update>& tasks) {
  double error = 0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const Tensor found = reverted(from, from.network_of(static_cast<int64_t>(i)));
    error += (positions(tasks[i]) - found).square().sum().item<double>();
  }
  return error;
}

}  // namespace

TEST_CASE("three vectors of a plane are kept as their mean and the axis they spread along",
          "[merge]") {
  // (3, 1), (-1, 1), (1, -2) have mean (1, 0); centred they are the columns of [[2 -2 0] [1 1 -2]],
  // whose product with itself transposed is diag(8, 6).
  const Tensor tasks = matrix({3, 1, -1, 1, 1, -2}, {3, 1, 2});
  const Components parts = components(tasks);
  CHECK(largest(parts.energy - matrix({8, 6}, {2})) < kTolerance);
  const Reversible kept = keep(parts, 1);
  CHECK(largest(kept.mean - matrix({1, 0}, {1, 2})) < kTolerance);
  CHECK(largest(kept.basis - matrix({1, 0}, {1, 2, 1})) < kTolerance);
  CHECK(largest(kept.coefficients - matrix({2, -2, 0}, {1, 1, 3})) < kTolerance);
  CHECK(largest(revert(kept, 1) - matrix({-1, 0}, {1, 2})) < kTolerance);
  CHECK(explained_variance(kept, tasks) == Approx(8.0 / 14));
  CHECK(size_explaining(parts, 0.5, 0) == 1);
  CHECK(size_explaining(parts, 0.6, 0) == 2);
  CHECK(size_explaining(parts, 0, 1) == 1);
  CHECK(size_explaining(parts, 1, 9) == 2);
}

TEST_CASE("a basis of min(n - 1, r) vectors gives every task back", "[merge]") {
  for (const auto& [n, r] : {std::pair<int64_t, int64_t>{4, 8}, {8, 4}, {1, 4}, {5, 5}}) {
    INFO(n << " tasks of rank " << r);
    const Tensor tasks = stacked(random_tasks(n, r));
    const int64_t size = std::min(n - 1, r);
    CHECK(exact_size(n, r) == size);
    const Reversible kept = fit(tasks, size);
    for (int64_t i = 0; i < n; ++i) CHECK(largest(revert(kept, i) - tasks[i]) < kTolerance);
    // One vector less is not enough.
    if (size > 0) CHECK(total_error(fit(tasks, size - 1), tasks) > 0.1);
    CHECK(fit(tasks, 100).size() == size);
  }
}

TEST_CASE("what is lost is the sum of the dropped squared singular values", "[merge]") {
  const Tensor tasks = stacked(random_tasks(6, 4));
  double before = HUGE_VAL;
  for (int64_t p = 0; p <= 4; ++p) {
    INFO("p " << p);
    // Position by position, apart from the code under test.
    double dropped = 0, all = 0;
    for (int64_t q = 0; q < tasks.size(1); ++q) {
      const Tensor x = tasks.select(1, q).to(at::kDouble);
      const Tensor s = std::get<1>(at::linalg_svd(x - x.mean(0, true), false)).square();
      dropped += s.narrow(0, p, s.size(0) - p).sum().item<double>();
      all += s.sum().item<double>();
    }
    const Reversible kept = fit(tasks, p);
    const double error = total_error(kept, tasks);
    CHECK(error == Approx(dropped).epsilon(1e-4).margin(1e-8));
    CHECK(explained_variance(kept, tasks) == Approx(1 - dropped / all).margin(1e-6));
    CHECK(error <= before);
    before = error;
  }
}

TEST_CASE("without a basis the factors are averaged", "[merge]") {
  const auto tasks = random_tasks(3, 4);
  const Update found = from_positions(revert(fit(stacked(tasks), 0), 2), kSizes);
  for (size_t layer = 0; layer < kSizes.size(); ++layer) {
    const Tensor a = (tasks[0][layer].a + tasks[1][layer].a + tasks[2][layer].a) / 3;
    const Tensor b = (tasks[0][layer].b + tasks[1][layer].b + tasks[2][layer].b) / 3;
    CHECK(largest(found[layer].a - a) < kTolerance);
    CHECK(largest(found[layer].b - b) < kTolerance);
  }
}

TEST_CASE("a reversible bank stores p (r + n) + r numbers at each position", "[merge]") {
  const Tensor tasks = stacked(random_tasks(8, 16));
  const Reversible kept = fit(tasks, 3);
  const int64_t stored = kept.mean.numel() + kept.basis.numel() + kept.coefficients.numel();
  CHECK(stored == 2 * (kRows + kColumns) * (3 * (16 + 8) + 16));
  CHECK(static_cast<double>(stored) / static_cast<double>(tasks.numel()) == 0.6875);
  CHECK(numbers_per_position(3, 16, 8) == 88);
}

TEST_CASE("the basis is orthonormal with a fixed sign, and coefficients sum to zero", "[merge]") {
  const Reversible kept = fit(stacked(random_tasks(6, 4)), 3);
  const Tensor products = kept.basis.transpose(1, 2).matmul(kept.basis);
  CHECK(largest(products - at::eye(3)) < kTolerance);
  CHECK(largest(kept.coefficients.sum(2)) < kTolerance);
  CHECK(at::equal(kept.basis.amax(1), kept.basis.abs().amax(1)));
}

TEST_CASE("equal tasks and shared factors cost no basis", "[merge]") {
  auto tasks = random_tasks(3, 4);
  tasks[1] = tasks[2] = tasks[0];
  CHECK(total_error(fit(stacked(tasks), 0), stacked(tasks)) < 1e-10);
  CHECK(explained_variance(fit(stacked(tasks), 0), stacked(tasks)) == 1);
  // All tasks with one B: the positions of its columns need nothing.
  auto shared = random_tasks(3, 4);
  for (size_t layer = 0; layer < 2; ++layer)
    shared[1][layer].b = shared[2][layer].b = shared[0][layer].b;
  const Reversible kept = fit(stacked(shared), 0);
  const Update found = from_positions(revert(kept, 1), kSizes);
  CHECK(largest(found[0].b - shared[1][0].b) < 1e-6);
  CHECK(largest(found[0].a - shared[1][0].a) > 0.1);
}

TEST_CASE("tasks added to a frozen basis leave the earlier ones as they are, bit for bit",
          "[merge]") {
  const Tensor tasks = stacked(random_tasks(5, 4));
  const Reversible before = fit(tasks.narrow(0, 0, 3), 2);
  const Reversible after = with_task(with_task(before, tasks[3]), tasks[4]);
  for (int64_t i = 0; i < 3; ++i) CHECK(at::equal(revert(before, i), revert(after, i)));
  // Nothing is left of the new task along the basis.
  const Tensor rest = tasks[3] - revert(after, 3);
  CHECK(largest(before.basis.transpose(1, 2).matmul(rest.unsqueeze(2))) < kTolerance);
}

TEST_CASE("turned factors are the same update, but not to a basis, unless they are aligned",
          "[merge]") {
  // Six nearly equal tasks of rank 4, each turned by its own rotation.
  std::vector<LowRank> plain, turned, aligned_again, balanced_again;
  const LowRank common{random({8, 4}, 1), random({4, 8}, 2)};
  for (uint64_t i = 0; i < 6; ++i) {
    plain.push_back(
        {common.a + 0.002 * random({8, 4}, 10 + i), common.b + 0.002 * random({4, 8}, 20 + i)});
    const Tensor turn = std::get<0>(at::linalg_qr(random({4, 4}, 30 + i)));
    turned.push_back({plain[i].a.matmul(turn), turn.t().matmul(plain[i].b)});
    CHECK(largest(product(turned[i]) - product(plain[i])) < kTolerance);
    aligned_again.push_back(aligned(turned[i], turned[0]));
    CHECK(largest(product(aligned_again[i]) - product(plain[i])) < kTolerance);
    balanced_again.push_back(balanced(turned[i]));
    CHECK(largest(product(balanced_again[i]) - product(plain[i])) < kTolerance);
  }
  const auto error = [](const std::vector<LowRank>& tasks) {
    std::vector<Tensor> all;
    for (const LowRank& task : tasks) all.push_back(positions({task}));
    const Reversible kept = fit(at::stack(all), 1);
    double sum = 0;
    for (size_t i = 0; i < tasks.size(); ++i) {
      const auto index = static_cast<int64_t>(i);
      sum += relative_error(from_positions(revert(kept, index), {{8, 8}}), {tasks[i]});
    }
    return sum / static_cast<double>(tasks.size());
  };
  CHECK(error(plain) < 0.005);
  CHECK(error(turned) > 0.2);
  CHECK(error(aligned_again) < 0.005);
  CHECK(error(balanced_again) < 0.02);
}

TEST_CASE("balanced factors share the singular values evenly", "[merge]") {
  // diag(4, 1) in lopsided factors: halves are diag(2, 1).
  const LowRank found =
      balanced({matrix({40, 0, 0, 10}, {2, 2}), matrix({0.1, 0, 0, 0.1}, {2, 2})});
  CHECK(largest(found.a - matrix({2, 0, 0, 1}, {2, 2})) < kTolerance);
  CHECK(largest(found.b - matrix({2, 0, 0, 1}, {2, 2})) < kTolerance);
}

TEST_CASE("positions are rows of A and columns of B, layer after layer", "[merge]") {
  const Update update{{matrix({1, 2, 3, 4, 5, 6}, {3, 2}), matrix({7, 8}, {2, 1})}};
  CHECK(at::equal(positions(update), matrix({1, 2, 3, 4, 5, 6, 7, 8}, {4, 2})));
  const Update back = from_positions(positions(update), {{3, 1}});
  CHECK(at::equal(back[0].a, update[0].a));
  CHECK(at::equal(back[0].b, update[0].b));
}

TEST_CASE("the decomposition of a product is found from its factors", "[merge]") {
  const LowRank factors{random({7, 3}, 1), random({3, 5}, 2)};
  const Svd found = thin_svd(factors), dense = thin_svd(product(factors));
  REQUIRE(found.s.size(0) == 3);
  CHECK(largest(found.s - dense.s.narrow(0, 0, 3)) < kTolerance);
  CHECK(largest(found.u - dense.u.narrow(1, 0, 3)) < kTolerance);
  CHECK(largest(found.v - dense.v.narrow(1, 0, 3)) < kTolerance);
}

TEST_CASE("the error of an update is relative to what was wanted", "[merge]") {
  // |(3, 4) - 0| = 5 of |(3, 4)| = 5; |(3, 5) - (3, 4)| = 1.
  const Update wanted{{matrix({3, 4}, {2, 1}), matrix({1}, {1, 1})}};
  const Update zero{{matrix({0, 0}, {2, 1}), matrix({1}, {1, 1})}};
  CHECK(relative_error(zero, wanted) == Approx(1));
  CHECK(relative_error({{matrix({1.5, 2.5}, {2, 1}), matrix({2}, {1, 1})}}, wanted) == Approx(0.2));
  CHECK(relative_error(zero, zero) == 0);
}

TEST_CASE("task arithmetic weighs and adds", "[merge]") {
  const std::vector<Tensor> tasks{matrix({1, 2}, {2}), matrix({-3, 10}, {2})};
  CHECK(at::equal(task_arithmetic(tasks, {2, 0.5}), matrix({0.5, 9}, {2})));
  CHECK(at::equal(average(tasks), matrix({-1, 6}, {2})));
}

TEST_CASE("ties trims, elects signs and averages what agrees", "[merge]") {
  const std::vector<Tensor> tasks{matrix({3, -1, 2, 0.5}, {4}), matrix({-1, -4, 1, -2}, {4})};
  // Half of each: (3 0 2 0) and (0 -4 0 -2), which nowhere meet.
  CHECK(at::equal(ties(tasks, {1, 1}, 0.5), matrix({3, -4, 2, -2}, {4})));
  // All: sums 2, -5, 3, -1.5, so 3 alone, mean of -1 and -8, mean of 2 and 2, -4 alone.
  CHECK(at::equal(ties(tasks, {1, 2}, 1), matrix({3, -4.5, 2, -4}, {4})));
  // A sum of zero is positive; zeros agree with no sign.
  CHECK(
      at::equal(ties({matrix({1, 0}, {2}), matrix({-1, 4}, {2})}, {1, 1}, 1), matrix({1, 4}, {2})));
  const Tensor one = random({5, 3}, 1);
  CHECK(largest(ties({one}, {1}, 1) - one) == 0);
  CHECK(largest(ties({one}, {1}, 0)) == 0);
}

TEST_CASE("dare keeps its share of the entries, rescaled, by its key alone", "[merge]") {
  const Tensor task = at::ones({4000});
  const Tensor kept = drop_and_rescale(task, 0.25, RngKey(1));
  CHECK((kept.eq(0) + kept.eq(4)).eq(1).all().item<bool>());
  // Standard deviation of the mean: sqrt(0.25 0.75 / 4000) 4 = 0.027.
  CHECK(kept.mean().item<double>() == Approx(1).margin(0.12));
  CHECK(at::equal(kept, drop_and_rescale(task, 0.25, RngKey(1))));
  CHECK_FALSE(at::equal(kept, drop_and_rescale(task, 0.25, RngKey(2))));
  CHECK(at::equal(drop_and_rescale(task, 1, RngKey(1)), task));
}

TEST_CASE("merged factors are not the merged products", "[merge]") {
  const std::vector<LowRank> tasks{{matrix({1}, {1, 1}), matrix({2}, {1, 1})},
                                   {matrix({3}, {1, 1}), matrix({4}, {1, 1})}};
  const Rule rule = [](const std::vector<Tensor>& all, const RngKey&) { return average(all); };
  // (1 + 3) / 2 times (2 + 4) / 2, and (1 * 2 + 3 * 4) / 2.
  CHECK(product(merge_factors(tasks, rule, RngKey(1))).item<double>() == 6);
  CHECK(merge_products(tasks, rule, RngKey(1)).item<double>() == 7);
}

TEST_CASE("int8 rows have a scale each", "[merge]") {
  // Scales 2 / 127 and 1: 63.5 rounds to the even 64, 31.75 to 32.
  const Int8 found = to_int8(matrix({1, -2, 0.5, 0, 0, 0}, {2, 3}));
  CHECK(at::equal(found.codes.to(at::kDouble), matrix({64, -127, 32, 0, 0, 0}, {2, 3})));
  CHECK(largest(found.scales - matrix({2.0 / 127, 1}, {2, 1})) < 1e-12);
  const Tensor values = random({20, 30}, 1);
  const Int8 codes = to_int8(values);
  CHECK(((from_int8(codes) - values).abs() <= codes.scales * 0.5001).all().item<bool>());
}

TEST_CASE("truncation keeps the largest singular values", "[merge]") {
  const LowRank found = truncated(matrix({1, 0, 0, 3}, {2, 2}), 1);
  CHECK(largest(product(found) - matrix({0, 0, 0, 3}, {2, 2})) < kTolerance);
  const LowRank factors{random({7, 4}, 1), random({4, 5}, 2)};
  const LowRank once = truncated(factors, 2), twice = truncated(truncated(factors, 3), 2);
  CHECK(largest(product(once) - product(twice)) < kTolerance);
  CHECK(largest(product(once) - product(truncated(product(factors), 2))) < kTolerance);
}

TEST_CASE("truncation at equal bytes keeps the share of the rank that the bank would cost",
          "[merge]") {
  CHECK(rank_at_equal_bytes(3, 16, 8) == 11);  // 0.6875 * 16
  CHECK(rank_at_equal_bytes(1, 16, 8) == 5);   // 0.3125 * 16
  CHECK(rank_at_equal_bytes(0, 16, 8) == 2);
  CHECK(rank_at_equal_bytes(0, 4, 8) == 1);    // no less
  CHECK(rank_at_equal_bytes(7, 16, 8) == 16);  // no more than there is
  CHECK(rank_at_equal_bytes(3, 16, 1) == 16);
  for (int64_t n = 2; n < 30; ++n) {
    CHECK(rank_at_equal_bytes(3, 16, n) <= rank_at_equal_bytes(3, 16, n - 1));
  }
}

TEST_CASE("refitting to rebuilt tasks is never better than fitting to all", "[merge]") {
  for (const uint64_t seed : {1U, 2U, 3U}) {
    const auto tasks = random_tasks(8, 4, seed);
    const double offline = total_error(*bank("p: 2", tasks), tasks);
    CHECK(total_error(*bank("p: 2, mode: refit", tasks), tasks) > offline);
    CHECK(total_error(*bank("p: 2, mode: frozen", tasks), tasks) > offline);
  }
}

TEST_CASE("a bank is frozen once its basis was fitted to enough tasks", "[merge]") {
  const auto tasks = random_tasks(5, 4);
  const auto by_default = bank("p: 2, mode: frozen"),
             later = bank("p: 2, mode: frozen, frozen_after: 4");
  Tensor after_three, after_three_later;
  for (size_t i = 0; i < tasks.size(); ++i) {
    by_default->add(tasks[i]);
    later->add(tasks[i]);
    if (i == 2) {
      after_three = reverted(*by_default, 1);
      after_three_later = reverted(*later, 1);
      CHECK(largest(after_three - positions(tasks[1])) < kTolerance);
    }
  }
  CHECK(at::equal(reverted(*by_default, 1), after_three));
  CHECK(largest(reverted(*later, 1) - after_three_later) > 0.01);
}

TEST_CASE("a growing bank explains what it should with no more than it needs", "[merge]") {
  const auto tasks = random_tasks(7, 5);
  const auto growing = bank("p: 1, mode: grow, variance: 0.8");
  int64_t before = 0;
  for (const Update& task : tasks) {
    growing->add(task);
    CHECK(*growing->explained_variance() >= 0.8 - 1e-6);
    const int64_t size = growing->read_by_revert()[1].size(2);
    CHECK(size >= before);
    before = size;
  }
  CHECK(before < exact_size(7, 5));
  CHECK(total_error(*bank("p: 0, mode: grow, variance: 1", tasks), tasks) < 1e-8);
}

TEST_CASE("the aligned gauge of a bank brings tasks to the first", "[merge]") {
  const auto tasks = random_tasks(3, 4);
  for (const std::string mode : {"offline", "refit"}) {
    const auto found = bank("p: 2, gauge: aligned, mode: " + mode, tasks);
    for (int64_t i = 0; i < 3; ++i) {
      const Update expected = tasks[static_cast<size_t>(i)];
      CHECK(relative_error(found->revert(i), expected) < 1e-4);
      CHECK(largest(found->revert(i)[0].a -
                    (i == 0 ? expected[0] : aligned(expected[0], tasks[0][0])).a) < 1e-4);
    }
  }
}

TEST_CASE("a bank counts the bytes that it needs to be used", "[merge]") {
  const auto tasks = random_tasks(8, 4);
  const int64_t adapters = 8 * 22 * 4 * 4;  // tasks, positions, rank, bytes
  const auto bytes = [&](const std::string& options) {
    return num_bytes(bank(options, tasks)->read_by_revert());
  };
  CHECK(bytes("merge: none") == adapters);
  CHECK(bytes("p: 2") == 22 * (2 * (4 + 8) + 4) * 4);
  CHECK(bytes("merge: truncate, p: 1") == adapters / 2);        // (4 + 8 + 4) / 32 = 0.5
  CHECK(bytes("merge: int8") == adapters / 4 + 8 * 4 * 4 * 4);  // and a scale a row and factor
  CHECK(bytes("merge: average") == adapters / 8);
  CHECK(bytes("merge: ties, factors: combined") == 2 * kRows * kColumns * 4);
  CHECK(bytes("merge: ties, factors: combined, retruncate: true") == adapters / 8);
}

TEST_CASE("banks that keep every adapter give it back", "[merge]") {
  const auto tasks = random_tasks(3, 4);
  const auto whole = bank("merge: none", tasks), coarse = bank("merge: int8", tasks),
             cut = bank("merge: truncate, p: 1", random_tasks(8, 4));
  for (int64_t i = 0; i < 3; ++i) {
    const Update& task = tasks[static_cast<size_t>(i)];
    CHECK(at::equal(reverted(*whole, i), positions(task)));
    const double error = relative_error(coarse->revert(i), task);
    CHECK(error > 0);
    CHECK(error < 0.02);
  }
  const Update eighth = random_tasks(8, 4)[7];
  CHECK(largest(product(cut->revert(7)[1]) - product(truncated(eighth[1], 2))) < 1e-4);
}

TEST_CASE("banks that merge to one network give what their rule says", "[merge]") {
  const auto tasks = random_tasks(3, 4);
  const auto merged = [&](const std::string& options) {
    return product(bank(options, tasks)->revert(0)[1]);
  };
  const auto a = [&](size_t i) { return tasks[i][1].a; };
  const auto b = [&](size_t i) { return tasks[i][1].b; };
  const Tensor sum = (a(0) + a(1) + a(2)).matmul(b(0) + b(1) + b(2));
  const Tensor products = a(0).matmul(b(0)) + a(1).matmul(b(1)) + a(2).matmul(b(2));
  CHECK(largest(merged("merge: average") - sum / 9) < kTolerance);
  CHECK(largest(merged("merge: task_arithmetic, weight: 0.5") - sum / 4) < 1e-4);
  CHECK(largest(merged("merge: average, factors: combined") - products / 3) < kTolerance);
  CHECK(largest(merged("merge: dare, density: 1") - sum) < 1e-4);
  CHECK(largest(merged("merge: dare, density: 1, factors: combined") - products) < 1e-4);
  CHECK(largest(merged("merge: dare, density: 1, dare_merge: ties") -
                merged("merge: ties, density: 1")) < kTolerance);
  CHECK(largest(merged("merge: dare, density: 0.5") - sum) > 0.1);
  CHECK(largest(merged("merge: average, factors: combined, retruncate: true") -
                product(truncated(products / 3, 4))) < kTolerance);
  CHECK(largest(merged("merge: average, gauge: balanced") - merged("merge: average")) > 0.01);
}

TEST_CASE("a bank goes on from its saved state", "[merge]") {
  const auto tasks = random_tasks(5, 4);
  for (const std::string options :
       {"p: 1", "p: 1, mode: refit", "p: 1, mode: frozen", "p: 1, mode: grow", "p: 0",
        "gauge: aligned", "gauge: balanced, mode: refit", "merge: task_arithmetic", "merge: ties",
        "merge: ties, factors: combined", "merge: dare, factors: combined, retruncate: true",
        "merge: dare, dare_merge: ties", "merge: average, gauge: aligned", "merge: truncate, p: 1",
        "merge: int8", "merge: none"}) {
    for (const size_t stop : {size_t{0}, size_t{1}, size_t{3}}) {
      INFO(options << ", stopped after " << stop);
      const auto whole = bank(options), resumed = bank(options);
      resumed->add(random_tasks(1, 4, 9)[0]);  // was used before
      for (size_t i = 0; i < stop; ++i) whole->add(tasks[i]);
      State state;
      for (const auto& [name, tensor] : snapshot(*whole))
        state.emplace_back("bank." + name, tensor);
      resumed->shape_for(state, "bank.");
      load(*resumed, snapshot(*whole), "test");
      for (size_t i = stop; i < tasks.size(); ++i) {
        whole->add(tasks[i]);
        resumed->add(tasks[i]);
      }
      const State expected = snapshot(*whole), found = snapshot(*resumed);
      REQUIRE(found.size() == expected.size());
      for (size_t i = 0; i < found.size(); ++i) {
        CHECK(found[i].first == expected[i].first);
        CHECK(at::equal(found[i].second, expected[i].second));
      }
      CHECK(whole->num_tasks() == 5);
      CHECK(resumed->num_networks() == whole->num_networks());
      CHECK(at::equal(resumed->revert(0)[1].a, whole->revert(0)[1].a));
    }
  }
}

TEST_CASE("options of a bank that make no sense together are the user's error", "[merge]") {
  CHECK_THROWS_WITH(bank("merge: ties, mode: refit"), Contains("mode"));
  CHECK_THROWS_WITH(bank("frozen_after: 2"), Contains("frozen_after"));
  CHECK_THROWS_WITH(bank("factors: combined"), Contains("factors"));
  CHECK_THROWS_WITH(bank("merge: ties, retruncate: true"), Contains("retruncate"));
  CHECK_THROWS_WITH(bank("merge: none, gauge: aligned"), Contains("gauge"));
  CHECK_THROWS_WITH(bank("merge: ties, factors: combined, gauge: aligned"), Contains("gauge"));
  CHECK_THROWS_WITH(bank("merge: ties, dare_merge: ties"), Contains("dare_merge"));
  CHECK_THROWS_WITH(bank("merge: sum"), Contains("merge"));
}

}  // namespace cl::merge
