// Against numbers of the authors' own modules on a small ViT (tests/reference).
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/train/losses.h"
#include "core/weights/safetensors.h"
#include "learners/sema/phases.h"
#include "tests/learners/sema_world.h"
#include "tests/support/catch.h"

namespace cl::sema {
namespace {

using testing::first_rows;

constexpr double kTolerance = 1e-5;  // of the largest entry

const std::filesystem::path kReference = std::filesystem::path(CL_SOURCE_DIR) / "tests/reference";

double relative_error(const Tensor& found, const Tensor& expected) {
  const double scale = expected.abs().max().item<double>();
  return (found - expected).abs().max().item<double>() / (scale > 0 ? scale : 1);
}

/// The name that the authors give to our tensor; empty where they have no such tensor.
std::string authors_name(std::string name) {
  const auto replace = [&name](const std::string& from, const std::string& to) {
    if (const auto at = name.find(from); at != std::string::npos) name.replace(at, from.size(), to);
  };
  if (name.find("statistics") != std::string::npos) return {};
  if (name.starts_with("classifier")) {
    replace("classifier", "fc");
    return name;
  }
  replace("modules.", "adapter_module.adapters.");
  replace("descriptor.", "rd.");
  replace("router.new.", "adapter_module.new_router.");
  if (name.find("new_router") == std::string::npos) replace("router.", "adapter_module.router.");
  return "backbone." + name;
}

Options reference_options() {
  Options options;
  options.adapter = config::Node::parse("parallel: {bottleneck: 4}", "test");
  options.first_expandable = 2;
  options.last_expandable = 3;
  options.descriptor_dim = 8;
  options.statistics_window = 20;
  options.functional.epochs = 4;
  options.descriptor.epochs = 4;
  return options;
}

std::unique_ptr<Backbone> reference_backbone() {
  const auto choice = config::Node::parse(
      "vit: {preset: custom, image_size: 32, patch_size: 8, width: 48, depth: 4, heads: 3, "
      "weights: vit_micro.safetensors}",
      "test", kReference);
  return Backbones::get().make(choice, {RngKey(1), at::kCPU});
}

/// SEMA with the weights of reference experience `task`.
struct Reference {
  explicit Reference(int64_t which)
      : task(which),
        file(read_safetensors(kReference / fmt::format("sema_micro_task{}.safetensors", task))
                 .tensors),
        options(reference_options()),
        backbone(reference_backbone()),
        network(options, {*backbone, 6, RngKey(1), at::kCPU}),
        classes(task == 0 ? std::vector<int64_t>{0, 1, 2} : std::vector<int64_t>{3, 4, 5}),
        data(std::make_shared<TensorDataset>(tensor("images"), tensor("targets"))) {
    std::ifstream(kReference / fmt::format("sema_micro_task{}.json", task)) >> numbers;
    if (task == 1) {
      network.freeze();
      network.block(2).add_adapter();
      network.block(3).add_adapter();
    }
    for_each([&](const std::string& name, Tensor& value) {
      const GradMode no_gradients(false);
      value.copy_(tensor("weight." + name));
    });
  }

  const Tensor& tensor(const std::string& name) const {
    const Tensor* found = find(file, name);
    if (found == nullptr) throw Error("reference file without '" + name + "'");
    return *found;
  }

  /// visit(authors' name, tensor) for every weight.
  template <class Visit>
  void for_each(Visit visit) {
    TensorVisitor visitor([&](const std::string& name, Tensor& value, TensorVisitor::Role) {
      if (const std::string theirs = authors_name(name); !theirs.empty()) visit(theirs, value);
    });
    network.tensors(visitor);
  }

  Tensor features(ForwardPass pass) {
    const std::vector<int64_t> rows = first_rows(4);
    pass.rows = rows;
    return network.features(network.run(backbone->embed(tensor("images")), 0, 4, pass));
  }

  /// Compares our gradients with those called `phase`.grad.NAME. @return how many
  int64_t compare_gradients(const std::string& phase, const std::string& part) {
    int64_t compared = 0;
    for_each([&](const std::string& name, Tensor& value) {
      const Tensor* expected = find(file, phase + ".grad." + name);
      if (name.find(part) == std::string::npos || expected == nullptr) return;
      INFO(name);
      REQUIRE(value.grad().defined());
      CHECK(relative_error(value.grad(), *expected) < kTolerance);
      ++compared;
    });
    return compared;
  }

  int64_t task;
  State file;
  nlohmann::json numbers;
  Options options;
  std::unique_ptr<Backbone> backbone;
  Network network;
  std::vector<int64_t> classes;
  DatasetPtr data;
};

TEST_CASE("features and logits equal the authors'", "[sema]") {
  Reference reference(GENERATE(0, 1));
  const GradMode no_gradients(false);
  const Tensor features = reference.features({});
  CHECK(relative_error(features, reference.tensor("eval.features")) < kTolerance);
  CHECK(relative_error(reference.network.classifier()(features), reference.tensor("eval.logits")) <
        kTolerance);
}

TEST_CASE("the functional phase's loss and gradients equal the authors'", "[sema]") {
  Reference reference(GENERATE(0, 1));
  const GradMode recording(true);
  const Tensor features = reference.features({.training = true});
  const Tensor logits =
      train::keep_classes(reference.network.classifier()(features), reference.classes);
  const Tensor loss = train::cross_entropy(logits, reference.tensor("targets"));
  CHECK(relative_error(loss, reference.tensor("func.loss")) < kTolerance);
  loss.backward();
  // Task 0: 16 of four adapters, 4 of two routers, 2 of the head; task 1: 8 + 4 + 2.
  CHECK(reference.compare_gradients("func", "") == (reference.task == 0 ? 22 : 14));
}

TEST_CASE("the descriptor phase's loss and gradients equal the authors'", "[sema]") {
  Reference reference(GENERATE(0, 1));
  const GradMode recording(true);
  Tensor loss = at::tensor(0.0F);
  (void)reference.features({.training = true, .at_pooled = [&](int64_t layer, const Tensor& m) {
                              const Block& block = reference.network.block(layer);
                              loss = loss + block.modules().back().descriptor->errors(m).mean();
                            }});
  CHECK(relative_error(loss, reference.tensor("rd.loss")) < kTolerance);
  loss.backward();
  CHECK(reference.compare_gradients("rd", ".rd.") == 8);  // two descriptors of four tensors
}

TEST_CASE("learning rates equal the authors'", "[sema]") {
  const Reference reference(0);
  for (int64_t epoch = 0; epoch < 4; ++epoch) {
    CHECK(train::learning_rate(reference.options.functional, epoch) ==
          Approx(reference.numbers["func_lr"][static_cast<size_t>(epoch)].get<double>()));
    CHECK(train::learning_rate(reference.options.descriptor, epoch) ==
          Approx(reference.numbers["rd_lr"][static_cast<size_t>(epoch)].get<double>()));
  }
}

TEST_CASE("the default phases' learning rates are those of the authors' settings", "[sema]") {
  const Options options;
  // 0.0025 (1 + cos(pi e / 5)), and 0.005 (1 + cos(pi 19 / 20))
  CHECK(train::learning_rate(options.functional, 1) == Approx(0.00452254));
  CHECK(train::learning_rate(options.functional, 4) == Approx(0.00047746).epsilon(1e-5));
  CHECK(train::learning_rate(options.descriptor, 19) == Approx(6.156e-5).epsilon(1e-4));
}

TEST_CASE("weights and statistics after both phases equal the authors'", "[sema]") {
  Reference reference(GENERATE(0, 1));
  Tokens tokens(reference.options, reference.network, *reference.backbone, at::kCPU);
  RunRecord record(2);
  RunRecorder recorder(record);
  Progress progress;
  RunContext context{RngKey(1), reference.task, 2, recorder, progress, {}};
  const TrainView view{reference.task, {}, reference.classes, reference.data};
  Session session{reference.options, reference.network, tokens, view, context, at::kCPU};
  functional_phase(session, 0);
  descriptor_phase(session, 0);

  reference.for_each([&](const std::string& name, Tensor& value) {
    INFO(name);
    CHECK(relative_error(value, reference.tensor("after." + name)) < kTolerance);
  });
  const auto losses = [&](const std::string& phase) {  // experience, epoch, loss, lr
    return std::get<std::vector<double>>(record.tables.at("training_" + phase).at(2).values);
  };
  for (size_t epoch = 0; epoch < 4; ++epoch) {
    CHECK(losses("functional")[epoch] ==
          Approx(reference.numbers["func_loss"][epoch].get<double>()).epsilon(kTolerance));
    CHECK(losses("descriptor")[epoch] ==
          Approx(reference.numbers["rd_loss"][epoch].get<double>()).epsilon(kTolerance));
  }
  for (const int64_t layer : {2, 3}) {
    const auto& expected = reference.numbers[fmt::format("buffer_{}_{}", layer, reference.task)];
    const auto& statistics = reference.network.block(layer).modules().back().descriptor->statistics;
    CHECK(statistics.length() == expected["length"].get<int64_t>());
    CHECK(statistics.mean() == Approx(expected["mean"].get<double>()).epsilon(kTolerance));
    CHECK(statistics.standard_deviation() ==
          Approx(expected["std"].get<double>()).epsilon(kTolerance));
    // Our order within a step, four samples, is another.
    const Tensor values = at::tensor(expected["values"].get<std::vector<float>>());
    CHECK(relative_error(std::get<0>(statistics.recent().view({5, 4}).sort(1)),
                         std::get<0>(values.view({5, 4}).sort(1))) < kTolerance);
  }
}

}  // namespace
}  // namespace cl::sema
