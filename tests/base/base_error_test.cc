#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "core/base/check.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

TEST_CASE("a configuration error reads file, line, column, path, problem", "[base]") {
  const std::string all = ConfigError({"a.yaml", 14, 5}, "learner.sema", "unknown key").what();
  CHECK(all == "a.yaml:14:5: learner.sema: unknown key");
  const std::string no_path = ConfigError({"a.yaml", 1, 2}, "", "bad").what();
  CHECK(no_path == "a.yaml:1:2: bad");
  const std::string no_place = ConfigError({}, "seeds", "bad").what();
  CHECK(no_place == "seeds: bad");
  const std::string file_only = ConfigError({"a.yaml", 0, 0}, "seeds", "bad").what();
  CHECK(file_only == "a.yaml: seeds: bad");
}

TEST_CASE("a check that holds does nothing and evaluates its condition once", "[base]") {
  int calls = 0;
  CL_CHECK(++calls == 1);
  CL_CHECK(calls == 1, "calls {}", calls);
  CHECK(calls == 1);
}

TEST_CASE("a check that fails names the condition, the place and the values", "[base]") {
  const auto bare = [](int size) { CL_CHECK(size == 4); };
  CHECK_NOTHROW(bare(4));
  CHECK_THROWS_AS(bare(3), InternalError);
  CHECK_THROWS_WITH(bare(3), EndsWith("check failed: size == 4"));
  const auto detailed = [](int size) { CL_CHECK(size == 4, "size {} {}", size, "here"); };
  CHECK_THROWS_WITH(detailed(3), EndsWith("check failed: size == 4: size 3 here") &&
                                     Contains("base_error_test.cc:"));
}

TEST_CASE("warnings of all threads are counted, other messages are not", "[base]") {
  const int64_t before = log::warnings();
  log::info("a message of the log test, {}", "with {braces}");
  CHECK(log::warnings() == before);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([i] { log::warn("log test, thread {}", i); });
  }
  CHECK(log::warnings() == before + 4);
}

TEST_CASE("a parallel loop calls its body once for every index", "[base]") {
  std::vector<std::atomic<int>> calls(1000);
  parallel_for(1000, [&](int64_t i) { ++calls[static_cast<size_t>(i)]; });
  for (const auto& count : calls) REQUIRE(count == 1);
  parallel_for(0, [](int64_t) { FAIL("called for an empty range"); });
}

TEST_CASE("an exception from a parallel loop's body reaches the caller", "[base]") {
  CHECK_THROWS_WITH(parallel_for(100,
                                 [](int64_t i) {
                                   if (i == 57) throw Error("image 57");
                                 }),
                    "image 57");
}

}  // namespace
}  // namespace cl
