#include <ATen/TensorOperators.h>

#include "core/base/error.h"
#include "core/train/losses.h"
#include "learners/sema/network.h"
#include "learners/sema/phases.h"
#include "tests/learners/sema_world.h"
#include "tests/support/catch.h"

namespace cl::sema {
namespace {

using testing::changed;
using testing::noise_images;
using testing::World;

// The measures of ViT-B/16, without its 85.8 million weights.
class Measures final : public Backbone {
 public:
  Measures() { info_.dim = 768, info_.depth = 12; }
  const BackboneInfo& info() const override { return info_; }
  std::unique_ptr<Backbone> clone() override { throw Error("none"); }
  Tensor embed(const Tensor& x, Hooks&) const override { return x; }
  Tensor special_position() const override { return {}; }
  Tensor blocks(Tensor tokens, int64_t, int64_t, Hooks&) const override { return tokens; }
  Tensor norm(const Tensor& tokens, Hooks&) const override { return tokens; }
  Tensor pool(const Tensor& tokens) const override { return tokens; }
  std::optional<Tensor> logits(const Tensor&) const override { return std::nullopt; }
  Tensor& weight_at(Site, int64_t) override { throw Error("none"); }
  void tensors(TensorVisitor&) override {}

 private:
  BackboneInfo info_;
};

// Which tensors `work` changes, as part of the experience with classes 2 and 3.
template <class Work>
std::vector<std::string> changed_by(World& world, Work work) {
  const State before = snapshot(world.network);
  world.during(1, {2, 3}, noise_images({2, 3}, 40, 0, 2), work);
  return changed(before, snapshot(world.network));
}

bool all_within(const std::vector<std::string>& names, const std::vector<std::string>& places) {
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    return std::any_of(places.begin(), places.end(),
                       [&](const std::string& place) { return name.starts_with(place); });
  });
}

TEST_CASE("on ViT-B/16 the trainable parameters are as many as published", "[sema]") {
  const auto [num_classes, expected] = GENERATE(table<int64_t, int64_t>({
      // 12 * 25,360 + 3 * 197,504 + 12 * 769 = 906,060, and 769 a class
      {100, 982960},
      {200, 1059860},
      {50, 944510},
  }));
  const Measures backbone;
  const Options options;
  Network network(options, {backbone, num_classes, RngKey(1), at::kCPU});
  CHECK(count(trainable_parameters(network)) == expected);
  CHECK(expected - count(parameters(network.classifier())) == 906060);
  int64_t num_descriptors = 0;
  for (int64_t layer = 0; layer < 12; ++layer) {
    REQUIRE(network.block(layer).num_adapters() == 1);
    CHECK(network.block(layer).router().width() == 1);
    CHECK(network.block(layer).modules()[0].descriptor.has_value() == (layer >= 9));
    num_descriptors += network.block(layer).modules()[0].descriptor.has_value() ? 1 : 0;
  }
  CHECK(num_descriptors == 3);
  // 12 * 25,360 + 769 C: what is deployed has neither routers nor descriptors
  CHECK(network.num_deployed() == 304320 + 769 * num_classes);
}

TEST_CASE("expanding at every experience adds up to the paper's table", "[sema]") {
  const auto [num_experiences, num_classes, expected] = GENERATE(table<int64_t, int64_t, int64_t>({
      {10, 100, 1065940},  // 25,360 * (12 + 27) + 76,900
      {20, 200, 1903640},  // 25,360 * (12 + 57) + 153,800
      {5, 50, 647090},     // 25,360 * (12 + 12) + 38,450
  }));
  const Measures backbone;
  Options options;
  options.descriptor_dim = 1;  // not counted
  Network network(options, {backbone, num_classes, RngKey(1), at::kCPU});
  for (int64_t t = 1; t < num_experiences; ++t) {
    network.freeze();
    for (int64_t layer = 9; layer <= 11; ++layer) network.block(layer).add_adapter();
  }
  CHECK(network.num_deployed() == expected);
}

TEST_CASE("the expandable blocks are counted from either end and must exist", "[sema]") {
  Options options;
  CHECK(expandable_blocks(options, 12).first == 9);
  CHECK(expandable_blocks(options, 12).last == 11);
  CHECK(expandable_blocks(options, 2).first == 0);  // all there are
  options.first_expandable = 2;
  options.last_expandable = 3;
  CHECK(expandable_blocks(options, 4).contains(3));
  CHECK_FALSE(expandable_blocks(options, 4).contains(1));
  CHECK_THROWS_WITH(expandable_blocks(options, 3), Contains("blocks 0 to 2"));
  options.last_expandable = 1;
  CHECK_THROWS_AS(expandable_blocks(options, 4), Error);
}

TEST_CASE("a new network gives the plain backbone's features", "[sema]") {
  World world;
  const Tensor x = noise_images({0}, 5, 0, 1)->fetch(testing::first_rows(5), View::test());
  Hooks none;
  CHECK(world.features(x).equal(world.backbone->forward(x, none)));
  world.shake(1);
  CHECK_FALSE(world.features(x).equal(world.backbone->forward(x, none)));
}

TEST_CASE("training and inference compute the same", "[sema]") {
  World world;
  world.network.freeze();
  world.network.block(2).add_adapter();
  world.shake(1);
  const Tensor x = noise_images({0}, 5, 0, 1)->fetch(testing::first_rows(5), View::test());
  CHECK(world.features(x, true).equal(world.features(x, false)));
}

TEST_CASE("the functional phase fills statistics, also of descriptors not yet trained", "[sema]") {
  World world;
  world.options.functional.epochs = 1;
  world.during(0, {0, 1}, noise_images({0, 1}, 40, 0, 1),
               [](Session& session) { functional_phase(session, 0); });
  for (int64_t layer = 1; layer < 4; ++layer) {
    CHECK(world.network.block(layer).modules()[0].descriptor->statistics.length() == 40);
  }
}

TEST_CASE("a first experience gives routers in use a gradient of zeros, others none", "[sema]") {
  World world;
  world.shake(1);
  const auto data = noise_images({0, 1}, 8, 0, 1);
  const GradMode recording(true);
  const Tensor x = data->fetch(testing::first_rows(8), View::test());
  const Tensor logits =
      train::keep_classes(world.network.classifier()(world.features(x, true)), {0, 1});
  train::cross_entropy(logits, data->labels()).backward();
  CHECK_FALSE(world.network.block(0).router().merged.weight.grad().defined());
  for (int64_t layer = 1; layer < 4; ++layer) {
    const Tensor gradient = world.network.block(layer).router().merged.weight.grad();
    REQUIRE(gradient.defined());
    CHECK(gradient.count_nonzero().item<int64_t>() == 0);
  }
  // Classes 2 to 5 are masked, so that their rows get exactly nothing.
  const Tensor head = world.network.classifier().weight.grad();
  CHECK(head.narrow(0, 2, 4).count_nonzero().item<int64_t>() == 0);
  CHECK(head.narrow(0, 0, 2).count_nonzero().item<int64_t>() > 0);
}

TEST_CASE("a first experience only shrinks the routers in use", "[sema]") {
  World world;
  world.options.functional.schedule = "constant";
  const State before = snapshot(world.network);
  world.during(0, {0, 1}, noise_images({0, 1}, 40, 0, 1),
               [](Session& session) { functional_phase(session, 0); });
  const State after = snapshot(world.network);
  CHECK(find(after, "blocks.0.router.weight")->equal(*find(before, "blocks.0.router.weight")));
  // SGD with gradient wd * w: 2 epochs of 2 steps, v = 0.9 v + wd w, w -= lr v
  double w = 1, v = 0;
  for (int step = 0; step < 4; ++step) {
    v = 0.9 * v + 5e-4 * w;
    w -= 0.005 * v;
  }
  const Tensor ratio =
      *find(after, "blocks.3.router.weight") / *find(before, "blocks.3.router.weight");
  CHECK((ratio - w).abs().max().item<double>() < 5e-7);  // float32
  CHECK(w < 1 - 1e-5);
}

TEST_CASE("rows of other classes shrink by lr times weight decay in a step", "[sema]") {
  World world;
  world.network.freeze();
  world.options.functional.epochs = 1;
  const Tensor before = world.network.classifier().weight.detach().clone();
  world.during(1, {2, 3}, noise_images({2, 3}, 32, 0, 1),
               [](Session& session) { functional_phase(session, 0); });
  const Tensor after = world.network.classifier().weight.detach();
  const Tensor ratio = after / before;
  for (const int64_t c : {0, 1, 4, 5}) {  // old and future; 1 - 0.005 * 5e-4
    CHECK((ratio[c] - (1 - 2.5e-6)).abs().max().item<double>() < 2e-7);
  }
  CHECK((after - before)[2].abs().max().item<double>() > 1e-4);
}

TEST_CASE("each phase of an expansion changes its own parameters alone", "[sema]") {
  World world;
  world.during(0, {0, 1}, noise_images({0, 1}, 40, 0, 1),
               [](Session& session) { train_new(session, 0); });
  world.network.block(2).add_adapter();
  world.tokens.unsettle(2);
  const auto functional = changed_by(world, [](Session& session) { functional_phase(session, 0); });
  CHECK(all_within(functional, {"blocks.2.modules.1.functional.", "blocks.2.router.new.",
                                "classifier.", "blocks.2.modules.1.descriptor.statistics."}));
  // adapter 4, router column 2, classifier 2; statistics: recent, length, mean, variance
  CHECK(functional.size() == 12);
  const auto descriptor = changed_by(world, [](Session& session) { descriptor_phase(session, 0); });
  CHECK(all_within(descriptor, {"blocks.2.modules.1.descriptor."}));
  CHECK(descriptor.size() >= 7);  // encoder 2, decoder 2, recent, mean, variance
  world.network.freeze();
  const auto head = changed_by(world, [](Session& session) { functional_phase(session, 1); });
  CHECK(head == std::vector<std::string>{"classifier.weight", "classifier.bias"});
}

}  // namespace
}  // namespace cl::sema
