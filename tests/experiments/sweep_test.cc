#include "experiments/sweep.h"

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/config/scalar.h"
#include "tests/support/catch.h"

namespace cl::experiments {
namespace {

std::vector<Point> expand_text(const std::string& text,
                               const std::vector<std::string>& overrides = {}) {
  std::vector<Override> parsed;
  for (const std::string& one : overrides) parsed.push_back(parse_override(one));
  return expand(config::Node::parse(text, "a.yaml"), parsed);
}

std::vector<std::string> labels(const std::vector<Point>& points) {
  std::vector<std::string> result;
  for (const Point& point : points) result.push_back(point.label);
  return result;
}

std::string written(const Point& point, const std::string& key) {
  return config::write_flow(point.suite.at(key));
}

using Labels = std::vector<std::string>;

}  // namespace

TEST_CASE("a suite without a sweep is one point without a label", "[experiments]") {
  const auto points = expand_text("learner: sema\n");
  CHECK(labels(points) == Labels{""});
  CHECK(written(points[0], "learner") == "sema");
}

TEST_CASE("a sweep is the product of its axes, the first varying slowest", "[experiments]") {
  const auto points = expand_text("threads: 1\nsweep:\n  a.b: [1, 2]\n  threads: [3, 4]\n");
  CHECK(labels(points) ==
        Labels{"a.b=1,threads=3", "a.b=1,threads=4", "a.b=2,threads=3", "a.b=2,threads=4"});
  CHECK(written(points[1], "a") == "{b: 1}");
  CHECK(written(points[1], "threads") == "4");
  CHECK(points[1].suite.at("sweep").is_null());
}

TEST_CASE("zipped lists are walked together", "[experiments]") {
  const auto points = expand_text("sweep:\n  zip: {a: [1, 2], b: [3, 4]}\n  c: [5, 6]\n");
  CHECK(labels(points) == Labels{"a=1,b=3,c=5", "a=1,b=3,c=6", "a=2,b=4,c=5", "a=2,b=4,c=6"});
}

TEST_CASE("an axis below a learner multiplies the runs of that learner only", "[experiments]") {
  // Two runs of sema, one of l2p; and the choice comes first although it stands below.
  const auto points =
      expand_text("sweep:\n  learner.sema.threshold: [1, 2]\n  learner: [sema, {l2p: {k: 3}}]\n");
  CHECK(labels(points) ==
        Labels{"learner=sema,threshold=1", "learner=sema,threshold=2", "learner=l2p"});
  CHECK(written(points[1], "learner") == "{sema: {threshold: 2}}");
  CHECK(written(points[2], "learner") == "{l2p: {k: 3}}");
}

TEST_CASE("two choices of one name are told apart by their options", "[experiments]") {
  CHECK(labels(expand_text("sweep:\n  learner: [{l2p: {k: 1}}, {l2p: {k: 2}}]\n")) ==
        Labels{"learner=l2p{k: 1}", "learner=l2p{k: 2}"});
}

TEST_CASE("one of two seeds can be swept where the suite gives one number for both",
          "[experiments]") {
  const auto points = expand_text("seeds: 7\nsweep:\n  seeds.stream: [0, 1]\n");
  CHECK(written(points[1], "seeds") == "{stream: 1, model: 7}");
}

TEST_CASE("an override replaces the axis of its path", "[experiments]") {
  CHECK(labels(expand_text("sweep:\n  a: [1, 2]\n  b: [3, 4]\n", {"a=5"})) == Labels{"b=3", "b=4"});
  CHECK(labels(expand_text("sweep:\n  zip: {a: [1, 2], b: [3, 4]}\n", {"a=5"})) ==
        Labels{"b=3", "b=4"});
  CHECK(labels(expand_text("sweep:\n  seeds.stream: [1, 2]\n", {"seeds=5"})) == Labels{""});
  CHECK(labels(expand_text("sweep:\n  learner: [sema, l2p]\n", {"learner=l2p"})) == Labels{""});
}

TEST_CASE("an override below a learner applies to that learner's runs", "[experiments]") {
  const auto points = expand_text("sweep:\n  learner: [sema, l2p]\n", {"learner.sema.lr=0.1"});
  CHECK(written(points[0], "learner") == "{sema: {lr: 0.1}}");
  CHECK(written(points[1], "learner") == "l2p");
}

TEST_CASE("an axis whose learner an override has replaced is passed over", "[experiments]") {
  CHECK(labels(expand_text("learner: sema\nsweep:\n  learner.sema.lr: [1, 2]\n",
                           {"learner=l2p"})) == Labels{""});
}

TEST_CASE("mistakes in a sweep are reported where they stand", "[experiments]") {
  const auto [text, message] = GENERATE(table<std::string, std::string>(
      {{"sweep: 3", "a.yaml:1:8: sweep: expected a map, found '3'"},
       {"sweep: {a: 3}", "a.yaml:1:12: sweep.a: expected a list, found '3'"},
       {"sweep: {a: []}", "a.yaml:1:12: sweep.a: expected at least one value, found none"},
       {"sweep:\n  zip: {a: [1, 2], b: [3]}",
        "a.yaml:2:20: sweep.zip.b: expected 2 values, as many as 'a' has; found 1"},
       {"sweep:\n  a: [1]\n  zip: {a: [2]}", "a.yaml:3:9: sweep.zip.a: is swept over twice"},
       {"sweep: {suite: [x, y]}",
        "a.yaml:1:9: sweep.suite: cannot be swept: it is no setting of one run"},
       {"learner: sema\nsweep: {learner.l2p.k: [1]}",
        "a.yaml:2:9: sweep.learner.l2p.k: no run has the learner 'l2p'; options are addressed as "
        "'learner.NAME.OPTION'"}}));
  CHECK_THROWS_WITH(expand_text(text), Equals(message));
}

/// "[0, 1, 2, ...]"
std::string list(int size) {
  std::string text = "[";
  for (int i = 0; i < size; ++i) text += (i == 0 ? "" : ", ") + std::to_string(i);
  return text + "]";
}

TEST_CASE("a sweep of a billion runs is refused before any of them is made", "[experiments]") {
  const std::string thousand = list(1000);
  CHECK_THROWS_WITH(
      expand_text("a: 1\nsweep:\n  a: " + thousand + "\n  zip: {b: " + thousand +
                  ", c: " + thousand + "}\n  seeds: " + thousand + "\n"),
      Equals("a.yaml:3:3: sweep: asks for 1000000000 runs, 1000 (a) x 1000 (b with c) x 1000 "
             "(seeds); at most 100000 can be"));
  std::string axes;
  for (int i = 0; i < 30; ++i) axes += "  a" + std::to_string(i) + ": [1, 2, 3, 4, 5]\n";
  CHECK_THROWS_WITH(expand_text("sweep:\n" + axes),
                    Contains("asks for more than 18446744073709551615 runs, 5 (a0) x 5 (a1)"));
}

TEST_CASE("an axis that multiplies some of the runs only counts for these", "[experiments]") {
  const std::string sweep = "sweep:\n  learner: [sema, l2p]\n  learner.sema.lr: ";
  const std::string seeds = "\n  seeds: " + list(100);
  // 999 * 100 runs of sema and 100 of l2p
  CHECK(expand_text(sweep + list(999) + seeds).size() == 100'000);
  CHECK_THROWS_WITH(expand_text(sweep + list(1000) + seeds),
                    Equals("a.yaml:2:3: sweep: asks for up to 200000 runs, 2 (learner) x 1000 "
                           "(learner.sema.lr) x 100 (seeds); at most 100000 can be"));
}

TEST_CASE("a sweep over too many settings is refused", "[experiments]") {
  std::string axes;
  for (int i = 0; i < 1001; ++i) axes += "  a" + std::to_string(i) + ": [1]\n";
  CHECK_THROWS_WITH(expand_text("sweep:\n" + axes),
                    Equals("a.yaml:2:3: sweep: 1001 settings are swept over; at most 1000 can be"));
}

TEST_CASE("mistakes in an override are reported as --set", "[experiments]") {
  CHECK_THROWS_WITH(parse_override("threads"),
                    Equals("--set: expected path=value, found 'threads'"));
  CHECK_THROWS_WITH(parse_override("=3"), Equals("--set: expected path=value, found '=3'"));
  CHECK_THROWS_WITH(parse_override("a=[1"), StartsWith("--set:1:"));
  CHECK_THROWS_WITH(expand_text("learner: sema", {"learner.l2p.k=1"}),
                    Equals("--set: learner.l2p.k: no run has the learner 'l2p'; options are "
                           "addressed as 'learner.NAME.OPTION'"));
}

}  // namespace cl::experiments
