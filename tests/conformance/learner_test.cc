// What every learner promises, checked on each one that is registered.
#include <algorithm>
#include <set>
#include <variant>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/isinf.h>
#include <ATen/ops/zeros.h>

#include "core/data/tensor_dataset.h"
#include "core/nn/adapters/adapter.h"
#include "tests/conformance/world.h"

namespace cl::conformance {
namespace {

constexpr double kBatchTolerance = 1e-4;  // rounding of products with another number of rows

/// The stream with all test images grey.
class GreyTests final : public Stream {
 public:
  explicit GreyTests(const Stream& stream) : stream_(stream) {}
  const StreamInfo& info() const override { return stream_.info(); }
  Experience experience(int64_t k) const override {
    Experience result = stream_.experience(k);
    const Tensor x = result.test->fetch(all_rows(*result.test), View::test());
    result.test =
        std::make_shared<TensorDataset>(at::zeros(x.sizes(), x.options()), result.test->labels());
    return result;
  }

 private:
  const Stream& stream_;
};

std::vector<const Learners::Entry*> learners() {
  std::vector<const Learners::Entry*> entries;
  for (const auto& entry : Learners::get().entries()) entries.push_back(entry.get());
  return entries;
}

/// Share of the test samples that were told apart from the other class of their experience, right
/// after it was learned: what any learner that learns at all must do, forgetful or not.
double learning_accuracy(const RunRecord& record) {
  int64_t right = 0, all = 0;
  for (const Evaluation& evaluation : record.evaluations) {
    const bool is_joint = record.evaluations.front().after > 0;
    if (!is_joint && evaluation.after != evaluation.on) continue;
    for (size_t i = 0; i < evaluation.labels.size(); ++i, ++all) {
      right += evaluation.labels[i] == evaluation.task_predictions[i] ? 1 : 0;
    }
  }
  REQUIRE(all > 0);
  return static_cast<double>(right) / static_cast<double>(all);
}

/// Mean loss of every epoch.
std::vector<double> training_losses(const RunRecord& record) {
  for (const EventColumn& column : record.tables.at("training_train")) {
    if (column.name == "loss") return std::get<std::vector<double>>(column.values);
  }
  FAIL("no losses");
  return {};
}

/// Finite in the columns of classes seen, minus infinity in all others.
void check_columns(const Tensor& logits, const std::vector<int64_t>& seen) {
  const std::set<int64_t> columns(seen.begin(), seen.end());
  for (int64_t c = 0; c < logits.size(1); ++c) {
    const Tensor column = logits.select(1, c);
    if (columns.contains(c)) {
      CHECK(at::isfinite(column).all().item<bool>());
    } else {
      CHECK((at::isinf(column).all().item<bool>() && column.max().item<double>() < 0));
    }
  }
}

void check_predictions_change_nothing(Run& run) {
  const State before = run.learner->save();
  const DatasetPtr test = run.stream.experience(0).test;
  const Tensor together = run.learner->predict(*test, all_rows(*test));
  CHECK_FALSE(together.requires_grad());
  for (const int64_t row : {int64_t{0}, int64_t{5}, test->size() - 1}) {
    const Tensor alone = run.learner->predict(*test, std::vector<int64_t>{row});
    const Tensor seen = together[row].isfinite();
    CHECK((alone[0] - together[row]).masked_select(seen).abs().max().item<double>() <
          kBatchTolerance);
  }
  CHECK(equal(run.learner->save(), before));
}

void check_sizes(const RunRecord& record) {
  REQUIRE_FALSE(record.sizes.empty());
  for (const SizeRecord& size : record.sizes) {
    CHECK(size.count.added >= 0);
    CHECK(size.count.trainable <= size.count.total);
    CHECK((size.adapters_per_block.empty() || size.adapters_per_block.size() == kDepth));
  }
}

/// Bytes of the numbers in buffers that differ from what they were, or from zero where they are
/// new.
int64_t changed_bytes(Learner& learner, const State& before) {
  int64_t sum = 0;
  TensorVisitor visitor([&](const std::string& name, Tensor& tensor, TensorVisitor::Role role) {
    if (role != TensorVisitor::Role::kBuffer) return;
    const Tensor* old = find(before, name);
    const bool was_there = old != nullptr && old->sizes() == tensor.sizes();
    const Tensor changed = was_there ? tensor.ne(*old) : tensor;
    sum += changed.count_nonzero().item<int64_t>() * tensor.element_size();
  });
  learner.tensors(visitor);
  return sum;
}

/// All that it keeps of the data is declared.
/// @param built  its state before it learned anything
void check_kept_bytes(Learner& learner, const State& built) {
  constexpr int64_t kCounters = 256;  // bytes of counters and of lists of classes
  // Some buffers count as parameters: class means that are a classifier, directions of a LoRA.
  const int64_t counted = learner.parameter_count().total - count(parameters(learner));
  const auto of_counted = std::max<int64_t>(counted, 0) * static_cast<int64_t>(sizeof(float));
  CHECK(changed_bytes(learner, built) <= learner.kept_bytes() + of_counted + kCounters);
}

TEST_CASE("a learner learns, its logits cover the classes seen, and predicting changes nothing",
          "[conformance][learner]") {
  for (const Learners::Entry* entry : learners()) {
    INFO(entry->name);
    const auto stream = blobs();
    const at::Generator& generator = at::detail::getDefaultCPUGenerator();
    const Tensor before = generator.get_state();
    Run run(*entry, *stream);
    const State built = run.learner->save();
    std::set<int64_t> seen;
    run.conduct(0, [&](int64_t steps) {
      const int64_t known = entry->traits.is_joint ? stream->info().num_experiences : steps;
      for (int64_t k = 0; k < known; ++k) {
        for (const int64_t c : stream->experience(k).classes) seen.insert(c);
      }
      CHECK(run.learner->classes_seen() == std::vector<int64_t>(seen.begin(), seen.end()));
      check_columns(run.logits(0), run.learner->classes_seen());
      check_kept_bytes(*run.learner, built);
    });
    // Guessing gets half of the 300 right, with a standard deviation of 3 %; some defaults learn
    // slowly on so few samples.
    if (!entry->traits.may_guess) CHECK(learning_accuracy(run.record) > 0.6);
    CHECK(at::equal(generator.get_state(), before));
    check_predictions_change_nothing(run);
    check_sizes(run.record);
    const auto& kept = run.record.scalars.at("kept_bytes").values;
    CHECK(kept.size() == run.record.sizes.size());
    CHECK(kept.back() == static_cast<double>(run.learner->kept_bytes()));
  }
}

TEST_CASE("runs with the same key are equal, whatever the test data, and restoring goes on exactly",
          "[conformance][learner]") {
  for (const Learners::Entry* entry : learners()) {
    INFO(entry->name);
    const auto stream = blobs();
    const GreyTests grey(*stream);
    Run whole(*entry, *stream), other(*entry, grey), resumed(*entry, *stream);
    // Has learned something else, and looked at samples that it will see again.
    const auto elsewhere = blobs(8);
    Run before(*entry, *elsewhere), reused(*entry, *stream);
    before.conduct();
    reused.learner = std::move(before.learner);
    (void)reused.logits(0);
    // Joint learners take a single step: they are restored after it.
    const int64_t stop_after = entry->traits.is_joint ? 1 : 2;
    whole.conduct(0, [&](int64_t steps) {
      if (steps != stop_after) return;
      for (Run* run : {&resumed, &reused}) {
        run->learner->restore(whole.learner->save(), "checkpoint");
        CHECK(run->learner->classes_seen() == whole.learner->classes_seen());
        CHECK(run->learner->adapters_per_block() == whole.learner->adapters_per_block());
        CHECK(run->learner->parameter_count().trainable ==
              whole.learner->parameter_count().trainable);
        CHECK(at::equal(run->logits(0), whole.logits(0)));
      }
    });
    other.conduct();
    CHECK(equal(other.learner->save(), whole.learner->save()));
    for (Run* run : {&resumed, &reused}) {
      run->conduct(stop_after);
      CHECK(equal(run->learner->save(), whole.learner->save()));
      CHECK(at::equal(run->logits(0), whole.logits(0)));
    }
  }
}

TEST_CASE("fixed adapters learn and are restored, whatever their kind", "[conformance][adapter]") {
  const auto stream = blobs();
  const auto name = config::Node::of("fixed_adapters");
  for (const auto& adapter : Adapters::get().entries()) {
    INFO(adapter->name);
    const auto choice = name.with("fixed_adapters.adapter", config::Node::of(adapter->name));
    const auto make = [&] {
      return Learners::get().make(
          choice, {testing::make_tiny(kDepth), stream->info(), RngKey(kModelSeed), at::kCPU});
    };
    Run run(Learners::get().entry(name), *stream), restored(Learners::get().entry(name), *stream);
    run.learner = make();
    restored.learner = make();
    run.conduct();
    const std::vector<double> losses = training_losses(run.record);
    CHECK(losses[4] < losses[0]);  // last and first epoch of the first experience
    // One that starts as noise needs more steps than these.
    if (adapter->traits.changes_nothing_when_new) CHECK(learning_accuracy(run.record) > 0.6);
    restored.learner->restore(run.learner->save(), "checkpoint");
    CHECK(at::equal(restored.logits(0), run.logits(0)));
  }
}

TEST_CASE("a learner refuses a state with tensors missing or left over", "[conformance][learner]") {
  for (const Learners::Entry* entry : learners()) {
    INFO(entry->name);
    const auto stream = blobs();
    const auto learner = make_learner(entry->name, stream->info());
    Run run(*entry, *stream);
    run.conduct();
    State more = run.learner->save();
    more.emplace_back("stranger", at::zeros({1}, at::kFloat));
    CHECK_THROWS_WITH(learner->restore(more, "a.ckpt"), Contains("a.ckpt") && Contains("stranger"));
    CHECK_THROWS_WITH(learner->restore({}, "a.ckpt"), Contains("a.ckpt"));
    CHECK(learner->classes_seen().empty());
  }
}

TEST_CASE("a learner stops when asked to", "[conformance][learner]") {
  for (const Learners::Entry* entry : learners()) {
    if (entry->traits.may_guess) continue;  // nothing to stop
    INFO(entry->name);
    const auto stream = blobs();
    Run run(*entry, *stream);
    std::stop_source stop;
    stop.request_stop();
    RunContext context = run.context(stop.get_token());
    CHECK_THROWS_AS(
        run.learner->learn(stream->experience(0).train_view(stream->info().scenario), context),
        Stopped);
  }
}

}  // namespace
}  // namespace cl::conformance
