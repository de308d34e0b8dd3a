#include "core/base/rng.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>
#include <string>

#include "core/base/error.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

constexpr double kExact = 1e-15;

TEST_CASE("keys are the numbers that older results were drawn with", "[rng]") {
  // From an independent implementation of the same definition in Python.
  const RngKey root(0);
  CHECK(root.bits() == 0x18175219b7fa6957);
  CHECK(root.child("init").bits() == 0x10f3f694083adb01);
  CHECK(root.child("init").child("block.3").bits() == 0xa1060718515d4275);
  CHECK(root.child(0).bits() == 0xea32c741dee66f0f);
  CHECK(root.child(1).bits() == 0x40128b6e712f5647);
  CHECK(root.child("1").bits() == 0xf60303e41d02ea8d);
}

TEST_CASE("a key has one child per name, whatever was asked before", "[rng]") {
  const RngKey key(7);
  const RngKey first = key.child("augment");
  (void)key.child("order").engine()();
  CHECK(key.child("augment") == first);
  CHECK(key == RngKey(7));
}

TEST_CASE("different ways down give different keys", "[rng]") {
  std::set<uint64_t> seen;
  int64_t num_keys = 0;
  const auto add = [&](const RngKey& key) {
    seen.insert(key.bits());
    ++num_keys;
  };
  for (uint64_t seed = 0; seed < 3; ++seed) {
    const RngKey key(seed);
    add(key);
    add(key.child(""));
    add(key.child("ab"));
    add(key.child("ba"));
    add(key.child("a").child("b"));
    add(key.child(std::string_view("a\0", 2)));
    for (uint64_t i = 0; i < 300; ++i) {
      add(key.child(i));
      add(key.child(std::to_string(i)));
      add(key.child("a").child(i));
      add(key.child(i).child("a"));
    }
  }
  CHECK(static_cast<int64_t>(seen.size()) == num_keys);
}

TEST_CASE("uniform draws are the same with every standard library", "[rng]") {
  auto engine = RngKey(0).engine();
  CHECK(uniform(engine) == Approx(0.14039305106826894).margin(kExact));
  CHECK(uniform(engine) == Approx(0.6535110563358415).margin(kExact));
  CHECK(uniform(engine) == Approx(0.9886502622201134).margin(kExact));
}

TEST_CASE("uniform draws stay in [0, 1) and average one half", "[rng]") {
  auto engine = RngKey(1).engine();
  constexpr int64_t kDraws = 10000;
  double sum = 0;
  for (int64_t i = 0; i < kDraws; ++i) {
    const double draw = uniform(engine);
    REQUIRE(draw >= 0);
    REQUIRE(draw < 1);
    sum += draw;
  }
  // Standard error sqrt(1/12/10000) = 0.0029; four of them.
  CHECK(sum / kDraws == Approx(0.5).margin(0.012));
}

TEST_CASE("uniform indices are the same with every standard library", "[rng]") {
  auto engine = RngKey(0).engine();
  for (const int64_t expected : {0, 1, 2, 1, 0, 4, 1, 3, 2, 1, 2, 4}) {
    CHECK(uniform_index(engine, 6) == expected);
  }
}

TEST_CASE("uniform indices hit every value below the bound equally often", "[rng]") {
  auto engine = RngKey(2).engine();
  std::array<int64_t, 5> counts{};
  for (int64_t i = 0; i < 10000; ++i) {
    ++counts.at(static_cast<size_t>(uniform_index(engine, 5)));
  }
  // Standard deviation sqrt(10000 * 0.2 * 0.8) = 40; four of them.
  for (const int64_t count : counts) CHECK(std::abs(count - 2000) < 160);
}

TEST_CASE("uniform indices cover the bounds that need no draw or all bits", "[rng]") {
  auto engine = RngKey(3).engine();
  CHECK(uniform_index(engine, 1) == 0);
  CHECK(uniform_index(engine, INT64_MAX) >= 0);
  CHECK_THROWS_AS(uniform_index(engine, 0), InternalError);
}

TEST_CASE("normal draws are Box-Muller's", "[rng]") {
  auto engine = RngKey(0).engine();
  CHECK(normal(engine) == Approx(-0.31341905388161656).margin(kExact));
  CHECK(normal(engine) == Approx(-1.1613221417778146).margin(kExact));
}

TEST_CASE("normal draws have mean zero and variance one", "[rng]") {
  auto engine = RngKey(4).engine();
  constexpr int64_t kDraws = 10000;
  double sum = 0;
  double squares = 0;
  for (int64_t i = 0; i < kDraws; ++i) {
    const double draw = normal(engine);
    REQUIRE(std::isfinite(draw));
    sum += draw;
    squares += draw * draw;
  }
  CHECK(sum / kDraws == Approx(0).margin(0.04));      // standard error 0.01
  CHECK(squares / kDraws == Approx(1).margin(0.06));  // standard error sqrt(2/10000) = 0.014
}

TEST_CASE("a permutation holds every index once and is the key's own", "[rng]") {
  CHECK(permutation(RngKey(0), 10) == std::vector<int64_t>{8, 5, 2, 3, 7, 4, 9, 1, 6, 0});
  CHECK(permutation(RngKey(0), 0).empty());
  CHECK(permutation(RngKey(0), 1) == std::vector<int64_t>{0});

  auto order = permutation(RngKey(5), 100);
  CHECK(order != permutation(RngKey(6), 100));
  std::vector<int64_t> sorted(100);
  std::iota(sorted.begin(), sorted.end(), int64_t{0});
  CHECK(order != sorted);
  std::sort(order.begin(), order.end());
  CHECK(order == sorted);
}

TEST_CASE("all six orders of three are equally likely", "[rng]") {
  std::array<int64_t, 27> counts{};
  const RngKey key(8);
  for (uint64_t i = 0; i < 6000; ++i) {
    const auto order = permutation(key.child(i), 3);
    ++counts.at(static_cast<size_t>(order[0] * 9 + order[1] * 3 + order[2]));
  }
  // Standard deviation sqrt(6000 * 1/6 * 5/6) = 29; four of them.
  for (const int64_t count : counts) CHECK((count == 0 || std::abs(count - 1000) < 116));
  CHECK(std::count(counts.begin(), counts.end(), 0) == 27 - 6);
}

}  // namespace
}  // namespace cl
