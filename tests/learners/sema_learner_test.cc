// SEMA as a learner: whole streams on the tiny backbone.
#include <cmath>
#include <limits>
#include <map>

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/learner/learner.h"
#include "tests/learners/sema_world.h"
#include "tests/support/catch.h"

namespace cl::sema {
namespace {

using testing::changed;
using testing::first_rows;
using testing::integers;
using testing::noise_images;

constexpr int64_t kSamples = 128;
constexpr double kFar = 2;  // standard deviations of a pixel

/// Two classes each: 0 and 1 as they come, 2 and 3 much alike, 4 and 5 far brighter.
struct Lesson {
  std::vector<int64_t> classes;
  DatasetPtr data;
};

const std::vector<Lesson>& lessons() {
  static const std::vector<Lesson> kLessons{{{0, 1}, noise_images({0, 1}, kSamples, 0, 1)},
                                            {{2, 3}, noise_images({2, 3}, kSamples, 0, 2)},
                                            {{4, 5}, noise_images({4, 5}, kSamples, kFar, 3)}};
  return kLessons;
}

constexpr std::string_view kSmall =
    "descriptor_dim: 4, functional: {epochs: 2}, descriptor: {epochs: 10, lr: 0.003}";

struct Run {
  explicit Run(const std::string& more = "",
               const std::string& adapter = "adapter: {parallel: {bottleneck: 4}}",
               FrozenWork frozen = {}) {
    const auto choice = config::Node::parse(
        fmt::format("sema: {{{}, {}{}{}{}}}", adapter, kSmall,
                    more.find("expansion: ") == std::string::npos ? ", scan_batch_size: 64" : "",
                    more.empty() ? "" : ", ", more),
        "test");
    StreamInfo stream;
    stream.num_experiences = 3;
    stream.num_classes = 6;
    stream.sample_shape = {3, 8, 8};
    learner =
        Learners::get().make(choice, {cl::testing::make_tiny(4), stream, RngKey(5).child("learner"),
                                      at::kCPU, std::move(frozen)});
  }

  void learn(int64_t k) {
    RunContext context{
        RngKey(5).child("learn").child(static_cast<uint64_t>(k)), k, 3, recorder, progress, {}};
    const Lesson& lesson = lessons()[static_cast<size_t>(k)];
    learner->learn({k, {}, lesson.classes, lesson.data}, context);
  }
  void learn_all() {
    for (int64_t k = 0; k < 3; ++k) learn(k);
  }
  Tensor predict(int64_t k) {
    return learner->predict(*lessons()[static_cast<size_t>(k)].data, first_rows(kSamples));
  }

  std::unique_ptr<Learner> learner;
  RunRecord record{3};
  RunRecorder recorder{record};
  Progress progress;
};

TEST_CASE("adapters are added where the data shift and nowhere else", "[sema]") {
  Run run;
  run.learn_all();
  CHECK_FALSE(run.record.expansions.empty());
  for (const Expansion& expansion : run.record.expansions) CHECK(expansion.experience == 2);
  const std::vector<int64_t> adapters = run.learner->adapters_per_block();
  REQUIRE(adapters.size() == 4);
  CHECK(adapters[0] == 1);
  for (const int64_t number : adapters) CHECK(number <= 2);
  // The ledger has seen both later experiences.
  const auto experiences = integers(run.record, "ledger", "experience");
  CHECK(std::count(experiences.begin(), experiences.end(), 0) == 0);
  CHECK(std::count(experiences.begin(), experiences.end(), 1) == 6);  // 2 batches, 3 blocks
  CHECK(std::count(experiences.begin(), experiences.end(), 2) > 0);
}

TEST_CASE("without expansions, later experiences change the classifier alone", "[sema]") {
  Run run("threshold: inf");
  run.learn(0);
  const State before = run.learner->save();
  run.learn(1);
  run.learn(2);
  CHECK(changed(before, run.learner->save()) ==
        std::vector<std::string>{"classifier.weight", "classifier.bias", "counters", "thresholds",
                                 "learner.classes_seen"});
  CHECK(run.learner->parameter_count().trainable == 6 * 17);  // 16 weights and a bias a class
}

TEST_CASE("a first experience never expands, later ones once a block at most", "[sema]") {
  Run run("threshold: -1");  // every absolute z-score is above
  run.learn(0);
  CHECK(run.record.expansions.empty());
  run.learn(1);
  CHECK(run.learner->adapters_per_block() == std::vector<int64_t>{1, 2, 2, 2});
  run.learn(2);
  CHECK(run.learner->adapters_per_block() == std::vector<int64_t>{1, 3, 3, 3});  // 4 + 3 * 2
  // Of width 16 with bottleneck 4: 4 * 16 + 4 + 16 * 4 + 16 = 148; ten of them, head 6 * 17.
  const ParameterCount size = run.learner->parameter_count();
  CHECK(size.added == 10 * 148 + 102);
  // Three adapters, three descriptors 16-4-16 (16 * 4 + 4 + 4 * 16 + 16 = 148), columns, head.
  CHECK(size.trainable == 3 * (148 + 148 + 17) + 102);
}

TEST_CASE("what an experience added is never changed by later ones", "[sema]") {
  Run run("threshold: -1");
  run.learn(0);
  State before = run.learner->save();
  for (int64_t k = 1; k < 3; ++k) {
    run.learn(k);
    const State after = run.learner->save();
    for (const auto& [name, tensor] : before) {
      if (name.starts_with("classifier") || name.starts_with("learner")) continue;
      if (name == "counters" || name == "thresholds") continue;
      INFO(name);
      const Tensor* now = find(after, name);
      REQUIRE(now != nullptr);
      // Routers grow: their first rows are the old ones.
      CHECK((tensor.dim() == 0 ? *now : now->narrow(0, 0, tensor.size(0))).equal(tensor));
    }
    before = after;
  }
}

TEST_CASE("inference feeds no statistics, not even before anything is frozen", "[sema]") {
  Run run;
  const State built = run.learner->save();
  State seen = built;
  for (auto& [name, tensor] : seen) {
    if (name == "learner.classes_seen") tensor = at::zeros({1}, at::kLong);
  }
  run.learner->restore(seen, "test");  // nothing trained, everything trainable
  const State before = run.learner->save();
  (void)run.predict(0);
  CHECK(changed(before, run.learner->save()).empty());
}

TEST_CASE("expansion by experience adds one adapter to every expandable block", "[sema]") {
  Run run("expansion: by_task, first_expandable: 2");
  run.learn_all();
  CHECK(run.learner->adapters_per_block() == std::vector<int64_t>{1, 1, 3, 3});
  CHECK(run.record.expansions.size() == 4);
  CHECK(run.record.tables.count("ledger") == 0);
}

TEST_CASE("a network that never expands learns the classifier on cached features", "[sema]") {
  Run run("expansion: never");
  run.learn_all();
  CHECK(run.learner->adapters_per_block() == std::vector<int64_t>{1, 1, 1, 1});
  Run same("threshold: inf");
  same.learn_all();
  CHECK((run.predict(2) - same.predict(2)).abs().max().item<double>() < 1e-4);
}

TEST_CASE("training nothing without expansion leaves all as it was", "[sema]") {
  Run run("threshold: inf, without_expansion: nothing");
  run.learn(0);
  const State before = run.learner->save();
  run.learn(1);
  CHECK(changed(before, run.learner->save()) ==
        std::vector<std::string>{"counters", "thresholds", "learner.classes_seen"});
  CHECK(run.learner->parameter_count().trainable == 0);
}

TEST_CASE("two runs with one seed are equal in every bit", "[sema]") {
  const std::string mixture = GENERATE("soft", "random");
  Run first("mixture: " + mixture), second("mixture: " + mixture);
  first.learn_all();
  second.learn_all();
  CHECK(digest(first.learner->save()) == digest(second.learner->save()));
  CHECK(integers(first.record, "ledger", "batch") == integers(second.record, "ledger", "batch"));
  CHECK(first.predict(1).equal(second.predict(1)));
}

TEST_CASE("a restored learner goes on in every bit as the saved one", "[sema]") {
  Run saved("threshold: -1"), restored("threshold: -1");
  saved.learn(0);
  saved.learn(1);
  SECTION("into a new learner") {}
  SECTION("into one that has learned something else") {
    restored.learn(0);
  }
  restored.learner->restore(saved.learner->save(), "test");
  CHECK(restored.learner->adapters_per_block() == saved.learner->adapters_per_block());
  CHECK(restored.predict(0).equal(saved.predict(0)));
  saved.learn(2);
  restored.learn(2);
  CHECK(digest(restored.learner->save()) == digest(saved.learner->save()));
  CHECK(restored.predict(1).equal(saved.predict(1)));
  CHECK(restored.learner->parameter_count().trainable ==
        saved.learner->parameter_count().trainable);
}

TEST_CASE("a learner restored to before its first experience starts over", "[sema]") {
  Run fresh, used;
  const State state = fresh.learner->save();
  used.learn(0);
  used.learner->restore(state, "test");
  fresh.learn(0);
  used.learn(0);
  CHECK(digest(used.learner->save()) == digest(fresh.learner->save()));
}

TEST_CASE("the size of the cache changes results by rounding only", "[sema]") {
  Run cached;
  Run direct("", "adapter: {parallel: {bottleneck: 4}}", {.memory_bytes = 0});
  cached.learn_all();
  direct.learn_all();
  CHECK(cached.learner->adapters_per_block() == direct.learner->adapters_per_block());
  for (int64_t k = 0; k < 3; ++k) {
    CHECK((cached.predict(k) - direct.predict(k)).abs().max().item<double>() < 1e-3);
  }
}

TEST_CASE("the shares of a block's adapters sum to one in every experience", "[sema]") {
  const std::string mixture = GENERATE("soft", "average", "random", "top1", "top1_inference",
                                       "random_selection", "descriptor", "descriptor_zscore");
  Run run("threshold: -1, mixture: " + mixture);
  run.learn_all();
  std::map<std::pair<int64_t, int64_t>, double> sums;
  const auto experiences = integers(run.record, "adapter_usage", "experience");
  const auto blocks = integers(run.record, "adapter_usage", "block");
  const auto& weights =
      std::get<std::vector<double>>(run.record.tables.at("adapter_usage").back().values);
  for (size_t row = 0; row < weights.size(); ++row) {
    sums[{experiences[row], blocks[row]}] += weights[row];
  }
  REQUIRE(sums.size() == 9);  // three experiences, three blocks
  for (const auto& [place, sum] : sums) CHECK(sum == Approx(1).epsilon(1e-5));
}

TEST_CASE("adapters at other sites grow as well", "[sema]") {
  const std::string adapter =
      GENERATE("lora: {rank: 2}", "series: {bottleneck: 4}", "series: {after: block}");
  const std::string input = GENERATE("pre_ln2", "post_ln2");
  Run run("threshold: -1, descriptor_input: " + input, "adapter: {" + adapter + "}");
  run.learn_all();
  CHECK(run.learner->adapters_per_block() == std::vector<int64_t>{1, 3, 3, 3});
  const Tensor logits = run.predict(2);
  CHECK(logits.select(1, 5).isfinite().all().item<bool>());
}

TEST_CASE("mistaken options are refused before anything is built", "[sema]") {
  CHECK_THROWS_AS(Run("mixture: soup"), ConfigError);
  CHECK_THROWS_AS(Run("descriptor_dim: 0"), ConfigError);
  CHECK_THROWS_AS(Run("treshold: 1"), ConfigError);
  CHECK_THROWS_AS(Run("statistics_window: 2"), ConfigError);
  CHECK_THROWS_AS(Run("functional: {optimiser: adam, beta2: 1}"), ConfigError);
  CHECK_THROWS_WITH(Run("last_expandable: 4"), Contains("blocks 0 to 3"));
}

}  // namespace
}  // namespace cl::sema
