// What every learner promises, checked on each one that is registered.
//
// After a change of results on purpose: run this binary with "[.regenerate]" and look at the
// difference of the transcripts.
#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <variant>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/isinf.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/config/describe.h"
#include "core/data/joined_dataset.h"
#include "core/data/tensor_dataset.h"
#include "core/nn/adapters/adapter.h"
#include "tests/conformance/transcript.h"
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

/// The largest difference between what is predicted of a sample alone and among those of all
/// experiences.
double batch_effect(Run& run) {
  std::vector<DatasetPtr> tests;
  for (int64_t k = 0; k < run.stream.info().num_experiences; ++k) {
    tests.push_back(run.stream.experience(k).test);
  }
  const DatasetPtr test = join(std::move(tests));
  const Tensor together = run.learner->predict(*test, all_rows(*test));
  double largest = 0;
  for (const int64_t row : {int64_t{0}, int64_t{5}, test->size() / 2, test->size() - 1}) {
    const Tensor alone = run.learner->predict(*test, std::vector<int64_t>{row});
    const Tensor seen = together[row].isfinite();
    largest = std::max(largest,
                       (alone[0] - together[row]).masked_select(seen).abs().max().item<double>());
  }
  return largest;
}

void check_predictions_change_nothing(Run& run) {
  const State before = run.learner->save();
  CHECK_FALSE(run.logits(0).requires_grad());
  CHECK(batch_effect(run) < kBatchTolerance);
  CHECK(equal(run.learner->save(), before));
}

/// What was conducted, with the logits [C] of the first test sample of each experience.
std::string transcript_of(Run& run) {
  std::vector<Tensor> logits;
  for (int64_t k = 0; k < run.stream.info().num_experiences; ++k) {
    logits.push_back(run.logits(k)[0]);
  }
  return transcript(run.entry.name, run.record, logits);
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

/// What a learner is after step `steps`.
struct Milestone {
  int64_t steps = 0;
  State state;
  std::vector<int64_t> classes_seen, adapters_per_block;
  int64_t num_trainable = 0;
  Tensor logits;  // [N, C] of the first experience's test samples
};

Milestone milestone(Run& run, int64_t steps) {
  Learner& learner = *run.learner;
  return {steps,
          learner.save(),
          learner.classes_seen(),
          learner.adapters_per_block(),
          learner.parameter_count().trainable,
          run.logits(0)};
}

/// A run from beginning to end. @return what it was when others shall go on from there
Milestone conduct_whole(Run& run) {
  const StreamInfo& info = run.stream.info();
  const bool is_joint = run.entry.traits.is_joint;
  // Joint learners take a single step: they are restored after it.
  const int64_t stop_after = is_joint ? 1 : 2;
  const State built = run.learner->save();
  Milestone between;
  std::set<int64_t> seen;
  run.conduct(0, [&](int64_t steps) {
    for (int64_t k = 0; k < (is_joint ? info.num_experiences : steps); ++k) {
      for (const int64_t c : run.stream.experience(k).classes) seen.insert(c);
    }
    CHECK(run.learner->classes_seen() == std::vector<int64_t>(seen.begin(), seen.end()));
    check_columns(run.logits(0), run.learner->classes_seen());
    check_kept_bytes(*run.learner, built);
    if (steps == stop_after) between = milestone(run, steps);
  });
  return between;
}

/// A run of its own is the same after the steps to `between`, where it is left.
void check_same_beginning(const Learners::Entry& entry, const Stream& stream,
                          const Milestone& between) {
  Run run(entry, stream);
  const auto conduct = [&] {
    run.conduct(0, [&](int64_t steps) {
      if (steps < between.steps) return;
      CHECK(equal(run.learner->save(), between.state));
      throw Stopped();
    });
  };
  CHECK_THROWS_AS(conduct(), Stopped);
}

void check_restores(Run& run, const Milestone& between) {
  run.learner->restore(between.state, "checkpoint");
  CHECK(run.learner->classes_seen() == between.classes_seen);
  CHECK(run.learner->adapters_per_block() == between.adapters_per_block);
  CHECK(run.learner->parameter_count().trainable == between.num_trainable);
  CHECK(at::equal(run.logits(0), between.logits));
}

/// From `between` on `run` becomes what `whole` is. @param stream  that it is trained on
void check_goes_on(Run& run, const Stream& stream, const Milestone& between, Run& whole) {
  experiments::conduct(stream, *run.learner, run.protocol(between.steps), run.context(),
                       [](int64_t) {});
  CHECK(equal(run.learner->save(), whole.learner->save()));
  CHECK(at::equal(run.logits(0), whole.logits(0)));
}

void check_refuses(Learner& learner, State state) {
  state.emplace_back("stranger", at::zeros({1}, at::kFloat));
  CHECK_THROWS_WITH(learner.restore(state, "a.ckpt"), Contains("a.ckpt") && Contains("stranger"));
  CHECK_THROWS_WITH(learner.restore({}, "a.ckpt"), Contains("a.ckpt"));
  CHECK(learner.classes_seen().empty());
}

// One training serves many questions: what costs time here is training.
TEST_CASE(
    "a learner learns as its transcript says; predicting changes nothing; equal keys give "
    "equal runs, whatever the test data; restoring goes on exactly and refuses wrong states",
    "[conformance][learner][golden]") {
  for (const Learners::Entry* entry : learners()) {
    INFO(entry->name);
    const auto stream = blobs();
    const GreyTests grey(*stream);
    const at::Generator& generator = at::detail::getDefaultCPUGenerator();
    const Tensor random_state = generator.get_state();

    Run whole(*entry, *stream);
    const Milestone between = conduct_whole(whole);
    // Guessing gets half of the 300 right, with a standard deviation of 3 %; some defaults learn
    // slowly on so few samples.
    if (!entry->traits.may_guess) CHECK(learning_accuracy(whole.record) > 0.6);
    const Deviation deviation = check_transcript(entry->name, transcript_of(whole));
    if (deviation.accuracy > 0 || deviation.logits > 0) {
      std::cout << fmt::format(
          "{:<17} differs from its transcript: accuracy by {:.4f}, logits by {:.1e}\n", entry->name,
          deviation.accuracy, deviation.logits);
    }
    check_sizes(whole.record);
    const auto& kept = whole.record.scalars.at("kept_bytes").values;
    CHECK(kept.size() == whole.record.sizes.size());
    CHECK(kept.back() == static_cast<double>(whole.learner->kept_bytes()));
    check_predictions_change_nothing(whole);

    // With grey tests to the milestone, and from there on.
    check_same_beginning(*entry, grey, between);
    Run resumed(*entry, *stream);
    check_refuses(*resumed.learner, whole.learner->save());
    check_restores(resumed, between);
    check_goes_on(resumed, grey, between, whole);

    // Has learned something else, and looked at samples that it will see again.
    const auto elsewhere = blobs(8, /*train_per_class=*/16);
    Run other(*entry, *elsewhere), reused(*entry, *stream);
    other.conduct();
    reused.learner = std::move(other.learner);
    (void)reused.logits(0);
    check_restores(reused, between);
    check_goes_on(reused, *stream, between, whole);
    CHECK(at::equal(generator.get_state(), random_state));
  }
}

TEST_CASE("a prediction depends on its batch only where a learner declares it",
          "[conformance][learner]") {
  const auto stream = blobs();
  const auto effect = [&](const Learners::Entry& entry, const std::string& option,
                          const std::string& value, uint64_t seed = kModelSeed) {
    Run run(entry, *stream);
    config::Node choice = choice_of(entry.name)
                              .with(fmt::format("{}.{}", entry.name, option),
                                    config::Node::parse(value, "conformance.yaml"));
    // Keys that were trained on all experiences have but one choice on so simple a stream.
    if (!entry.traits.batch_options.empty()) {
      choice = choice.with(entry.name + ".train.epochs", config::Node::of("0"));
    }
    run.learner = Learners::get().make(
        choice, {testing::make_tiny(kDepth), stream->info(), RngKey(seed), at::kCPU});
    run.conduct();
    return batch_effect(run);
  };
  int64_t num_declared = 0;
  for (const Learners::Entry* entry : learners()) {
    for (const std::string_view option : entry->traits.batch_options) {
      INFO(entry->name << ", " << option);
      double largest = 0;  // with some keys all samples agree
      for (uint64_t seed = 0; seed < 10; ++seed) {
        largest = std::max(largest, effect(*entry, std::string(option), "true", seed));
        CHECK(effect(*entry, std::string(option), "false", seed) < kBatchTolerance);
      }
      CHECK(largest > 100 * kBatchTolerance);
      ++num_declared;
    }
  }
  CHECK(num_declared > 0);
  const auto& sema = Learners::get().entry(config::Node::of("sema"));
  for (const std::string mixture : {"average", "random", "top1", "top1_inference",
                                    "random_selection", "descriptor", "descriptor_zscore"}) {
    INFO(mixture);
    CHECK(effect(sema, "mixture", mixture) < kBatchTolerance);
  }
}

TEST_CASE("on a stream of one experience every learner is its own joint training",
          "[conformance][learner]") {
  const auto parted = blobs(), whole = blobs(7, 64, /*experiences=*/1);
  for (const Learners::Entry* entry : learners()) {
    INFO(entry->name);
    Run continual(*entry, *whole), joint(*entry, *parted);
    joint.learner = make_learner(entry->name, whole->info());
    continual.conduct();
    experiments::conduct(*parted, *joint.learner, {.is_joint = true}, joint.context(),
                         [](int64_t) {});
    CHECK(equal(continual.learner->save(), joint.learner->save()));
  }
}

/// What else than cross-entropy is in a loss, or can pull at the classifier, set to nothing.
constexpr std::array kCrossEntropyAlone{
    Setting{"l2p.similarity_weight", "0"},
    Setting{"dual_prompt.similarity_weight", "0"},
    Setting{"lwf.lambda", "0"},
    Setting{"ewc.lambda", "0"},
};

/// The experiences in which every epoch of the learner's training had a loss of exactly zero.
std::vector<int64_t> without_loss(const RunRecord& record) {
  const auto table = std::find_if(record.tables.begin(), record.tables.end(), [](const auto& one) {
    return one.first == "training_train" || one.first == "training_functional";
  });
  if (table == record.tables.end()) return {};
  std::map<int64_t, bool> is_zero;
  const auto& experiences = std::get<std::vector<int64_t>>(table->second.at(0).values);
  const auto& losses = std::get<std::vector<double>>(table->second.at(2).values);
  for (size_t i = 0; i < losses.size(); ++i) {
    is_zero.try_emplace(experiences[i], true).first->second &= losses[i] == 0;
  }
  std::vector<int64_t> result;
  for (const auto& [k, zero] : is_zero) {
    if (zero) result.push_back(k);
  }
  return result;
}

TEST_CASE("a learner learns nothing from a single class exactly where it declares that",
          "[conformance][learner]") {
  constexpr int64_t kClasses = 6;
  const auto one_by_one = blobs(7, /*train_per_class=*/16, /*experiences=*/kClasses);
  std::vector<std::vector<int64_t>> classes;
  for (int64_t k = 0; k < kClasses; ++k) classes.push_back({k});
  std::set<LossClasses> declared;
  for (const Learners::Entry* entry : learners()) {
    INFO(entry->name);
    config::Node choice = choice_of(entry->name);
    for (const Setting& setting : kCrossEntropyAlone) {
      if (!setting.option.starts_with(entry->name + ".")) continue;
      choice = choice.with(setting.option, config::Node::parse(setting.value, "conformance.yaml"));
    }
    Run run(*entry, *one_by_one);
    run.learner = Learners::get().make(
        choice, {testing::make_tiny(kDepth), one_by_one->info(), RngKey(kModelSeed), at::kCPU});
    run.conduct();
    CHECK(without_loss(run.record) == lone_classes(loss_classes(choice), classes));
    declared.insert(loss_classes(choice));
  }
  CHECK(declared.size() == 4);  // so that each answer was put to the test
}

TEST_CASE("a learner is built without values where the backbone has none",
          "[conformance][learner]") {
  const auto stream = blobs();
  const auto vit = config::Node::parse(
      "vit: {preset: custom, image_size: 8, patch_size: 4, width: 16, depth: 12, heads: 2, "
      "weights: random}",
      "conformance.yaml");
  for (const Learners::Entry* entry : learners()) {
    INFO(entry->name);
    auto outline = Backbones::get().make(vit, {RngKey(1), c10::Device(c10::kMeta)});
    CHECK(outline->info().depth == kDepth);
    CHECK_NOTHROW(Learners::get().make(choice_of(entry->name), {std::move(outline), stream->info(),
                                                                RngKey(kModelSeed), at::kCPU}));
  }
}

TEST_CASE("write the transcripts anew", "[.regenerate]") {
  for (const Learners::Entry* entry : learners()) {
    const auto stream = blobs();
    Run run(*entry, *stream);
    run.conduct();
    std::ofstream file(transcript_file(entry->name));
    file << transcript_of(run);
    CHECK(file.good());
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

/// The learner's choice of adapters, with hidden values of parallel ones dropped; null where it
/// leaves no choice.
config::Node with_dropout(const Learners::Entry& entry, const std::string& share) {
  const std::string adapter = "parallel: {dropout: " + share + "}";
  for (const config::OptionRow& row : config::describe_fields(entry.describe)) {
    const std::string value =
        row.type == "adapter" ? adapter : "adapter: {adapter: {" + adapter + "}}";
    if (row.type != "adapter" && row.type != "tuner") continue;
    return choice_of(entry.name)
        .with(entry.name + "." + row.key, config::Node::parse(value, "conformance.yaml"));
  }
  return {};
}

TEST_CASE(
    "what adapters drop in training is drawn in every learner that trains them, and the same "
    "after a stop",
    "[conformance][learner][adapter]") {
  int examined = 0;
  for (const Learners::Entry* entry : learners()) {
    INFO(entry->name);
    if (with_dropout(*entry, "0").is_null()) continue;
    ++examined;
    const auto stream = blobs(7, /*train_per_class=*/8);
    const auto make = [&](const std::string& share) {
      auto run = std::make_unique<Run>(*entry, *stream);
      run->learner = Learners::get().make(
          with_dropout(*entry, share),
          {testing::make_tiny(kDepth), stream->info(), RngKey(kModelSeed), at::kCPU});
      return run;
    };
    const auto keeping = make("0"), dropping = make("0.5"), resumed = make("0.5");
    State first;
    dropping->conduct(0, [&](int64_t steps) {
      if (steps != 1) return;
      first = dropping->learner->save();
      check_predictions_change_nothing(*dropping);
    });
    keeping->conduct();
    CHECK_FALSE(equal(dropping->learner->save(), keeping->learner->save()));
    resumed->learner->restore(first, "checkpoint");
    resumed->conduct(1);
    CHECK(equal(resumed->learner->save(), dropping->learner->save()));
  }
  CHECK(examined > 10);
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
