#include <cmath>
#include <filesystem>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/nn/backbone.h"
#include "core/nn/init.h"
#include "core/weights/safetensors.h"
#include "experiments/pretrain/descriptor.h"
#include "experiments/pretrain/pretraining.h"
#include "experiments/pretrain/saved_training.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl::experiments {
namespace {

/// Two hundred and twenty steps of two images for a network of two narrow blocks.
PretrainOptions small_options(const TempDir& folder, const std::string& save) {
  const auto file = folder.write(save + ".yaml", fmt::format(R"(pretrain: small
stream: {{formula_images: {{num_train: 300, image_size: 16}}}}
backbone: {{vit: {{preset: custom, image_size: 16, patch_size: 8, width: 16, depth: 2, heads: 2, weights: random}}}}
save: {}.safetensors
num_images: 440
batch_size: 2
components: 16
warm_up_images: 20
precision: fp32
threads: 1
)",
                                                             save));
  return load_pretrain_suite(file, {});
}

Tensor vertical_edge() {
  Tensor x = at::zeros({1, 3, 16, 16});
  x.slice(3, 8).fill_(1);
  return x;
}

}  // namespace

TEST_CASE("the descriptor of an empty image is its brightness", "[experiments]") {
  const Descriptors result = descriptors_of(at::full({2, 3, 16, 16}, 0.25));
  // 8 orientations in 2x2 cells at two scales, 8 in one cell of 16 pixels, 4x4 brightnesses.
  REQUIRE(result.image.sizes() == at::IntArrayRef({2, 32 + 32 + 8 + 16}));
  CHECK(result.image.slice(1, 0, 72).abs().max().item<float>() == 0);
  CHECK(result.image.slice(1, 72).sub(0.25).abs().max().item<float>() < 1e-6);
  CHECK(result.patches.sizes() == at::IntArrayRef({2, 4, 20}));
}

TEST_CASE("an edge falls into the bin of its orientation, dark to light or light to dark",
          "[experiments]") {
  const Tensor x = vertical_edge();
  // [orientation, cell row, cell column]: a vertical edge has a horizontal gradient, bin 0.
  const Tensor upright = descriptors_of(x).image.slice(1, 0, 32).view({8, 2, 2});
  CHECK(upright[0].min().item<float>() > 0.5);
  CHECK(upright.slice(0, 1).abs().max().item<float>() < 1e-5);
  // On its side the gradient is vertical: an angle of pi / 2, bin 4.
  const Tensor turned = descriptors_of(x.transpose(2, 3)).image.slice(1, 0, 32).view({8, 2, 2});
  CHECK(turned[4].min().item<float>() > 0.5);
  CHECK((turned.sum(0) - turned[4]).abs().max().item<float>() < 1e-5);
  const Tensor inverted = descriptors_of(1 - x).image.slice(1, 0, 72);
  CHECK(inverted.allclose(descriptors_of(x).image.slice(1, 0, 72), 1e-4, 1e-4));
}

TEST_CASE("whitening makes components uncorrelated, with equal or kept variances",
          "[experiments]") {
  const Tensor mix = init::normal({6, 6}, 0, 1, RngKey(1), at::kCPU);
  const Tensor sample = init::normal({5000, 6}, 3, 1, RngKey(2), at::kCPU).mm(mix);
  const Tensor white = Whitening(sample, 4, 0.5)(sample);
  const Tensor covariance = white.t().mm(white) / 4999.0;
  for (int64_t i = 0; i < 4; ++i) {
    for (int64_t j = 0; j < 4; ++j) {
      CHECK(covariance[i][j].item<double>() == Approx(i == j ? 1 : 0).margin(1e-3));
    }
  }
  const Tensor variances = Whitening(sample, 4, 0)(sample).var(0);
  CHECK(variances.mean().item<double>() == Approx(1).margin(1e-3));
  CHECK(variances[0].item<double>() > variances[3].item<double>());
  CHECK_THROWS_WITH(Whitening(sample, 7, 0.5), Contains("7 components"));
}

TEST_CASE("a stopped pre-training continues to the same weights, and learns", "[experiments]") {
  const TempDir folder;
  const auto whole = small_options(folder, "whole");
  double first_loss = 0, last_loss = 0;
  const auto record = [&](const PretrainStatus& status) {
    if (first_loss == 0) first_loss = status.image_loss;
    last_loss = status.image_loss;
  };
  REQUIRE(pretrain(whole, {.data_root = {}, .stop = {}, .report = record}));
  CHECK(last_loss < 0.97 * first_loss);

  const auto broken = small_options(folder, "broken");
  std::stop_source stop;
  const auto stop_now = [&](const PretrainStatus&) { stop.request_stop(); };
  REQUIRE_FALSE(pretrain(broken, {.data_root = {}, .stop = stop.get_token(), .report = stop_now}));
  REQUIRE(std::filesystem::exists(folder / "broken.safetensors.part"));
  REQUIRE_FALSE(std::filesystem::exists(folder / "broken.safetensors"));

  auto other = broken;
  other.lr *= 2;
  CHECK_THROWS_WITH(pretrain(other, {.data_root = {}, .stop = {}, .report = record}),
                    Contains("other options"));

  // A state that is not finite, as no training of ours leaves it.
  const auto state = folder / "broken.safetensors.part";
  const SavedTraining saved = read_saved_training(state);
  SavedTraining strange = saved;
  strange.model.front().second = at::full_like(saved.model.front().second, NAN);
  write_saved_training(state, strange);
  CHECK_THROWS_WITH(pretrain(broken, {.data_root = {}, .stop = {}, .report = record}),
                    Contains("broken.safetensors.part: not finite"));
  write_saved_training(state, saved);

  REQUIRE(pretrain(broken, {.data_root = {}, .stop = {}, .report = record}));
  CHECK_FALSE(std::filesystem::exists(folder / "broken.safetensors.part"));
  const auto expected = read_safetensors(folder / "whole.safetensors");
  const auto resumed = read_safetensors(folder / "broken.safetensors");
  CHECK(digest(expected.tensors) == digest(resumed.tensors));
  CHECK(resumed.metadata.at("images") == "440");
}

TEST_CASE("finished weights are neither trained again nor overwritten", "[experiments]") {
  const TempDir folder;
  auto options = small_options(folder, "done");
  options.num_images = 4;
  const PretrainPlace place{.data_root = {}, .stop = {}, .report = {}};
  REQUIRE(pretrain(options, place));
  const auto written = std::filesystem::last_write_time(folder / "done.safetensors");
  CHECK(pretrain(options, place));
  options.seed = 1;
  CHECK_THROWS_WITH(pretrain(options, place), Contains("holds other weights"));
  CHECK(std::filesystem::last_write_time(folder / "done.safetensors") == written);
}

TEST_CASE("options that were written before random weights had a name are the same",
          "[experiments]") {
  const auto shipped = read_safetensors(std::filesystem::path(CL_SOURCE_DIR) / "experiments" /
                                        "weights" / "vit_mini.safetensors");
  const std::string& recorded = shipped.metadata.at("options");
  REQUIRE_THAT(recorded, Contains("    weights: \"\"\n"));
  PretrainOptions options = load_pretrain_suite(
      std::filesystem::path(CL_SOURCE_DIR) / "experiments/suites/pretrain_vit_mini.yaml", {});
  CHECK(are_those(options, recorded));
  options.seed = 1;
  CHECK_FALSE(are_those(options, recorded));
  CHECK_FALSE(are_those(options, "no options"));
}

TEST_CASE("pre-training refuses weights to start from", "[experiments]") {
  const TempDir folder;
  folder.write("w.safetensors", "");
  const auto file = folder.write("a.yaml", R"(pretrain: small
stream: formula_images
backbone: {vit: {weights: w.safetensors}}
save: b.safetensors
)");
  CHECK_THROWS_WITH(load_pretrain_suite(file, {}),
                    Contains("a.yaml:3:27: backbone.vit.weights: pre-training starts from random "
                             "weights; expected 'random', found 'w.safetensors'"));
}

TEST_CASE("saved weights send tokens of length about one a dimension through the blocks",
          "[experiments]") {
  const TempDir folder;
  auto options = small_options(folder, "scaled");
  options.num_images = 100;
  REQUIRE(pretrain(options, {.data_root = {}, .stop = {}, .report = {}}));
  const auto backbone = Backbones::get().make(
      config::Node::parse(
          fmt::format("vit: {{preset: custom, image_size: 16, patch_size: 8, width: 16, depth: 2, "
                      "heads: 2, weights: {}}}",
                      (folder / "scaled.safetensors").string()),
          "test"),
      {.key = RngKey(9), .device = at::kCPU});
  Hooks none;
  const Tensor x =
      init::uniform({50, 1, 16, 16}, 0, 1, RngKey(3), at::kCPU).expand({50, 3, 16, 16});
  const Tensor tokens = backbone->blocks(backbone->embed(x), 0, 2, none);
  // Not exactly one: it was measured on other images.
  CHECK(tokens.pow(2).mean().sqrt().item<double>() == Approx(1).margin(0.5));
}

TEST_CASE("pre-training refuses patches that its descriptor does not describe", "[experiments]") {
  const TempDir folder;
  auto options = small_options(folder, "odd");
  options.backbone = config::Node::parse(
      "vit: {preset: custom, image_size: 16, patch_size: 4, width: 16, depth: 1, heads: 2, "
      "weights: random}",
      "test");
  CHECK_THROWS_WITH(pretrain(options, {.data_root = {}, .stop = {}, .report = {}}),
                    Contains("expected 4 patch tokens") && Contains("has 16"));
}

}  // namespace cl::experiments
