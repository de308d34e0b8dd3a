#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/function.h>

#include "core/base/error.h"
#include "core/nn/adapters/adapter_hooks.h"
#include "core/nn/backbone.h"
#include "core/nn/flops.h"
#include "core/nn/init.h"
#include "core/nn/threads.h"
#include "core/nn/vit/positions.h"
#include "core/weights/safetensors.h"
#include "core/weights/state.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl {
namespace {

const c10::Device kCpu(c10::kCPU);
// A correct float32 program is this close to the reference, relative to the largest value.
constexpr double kTolerance = 1e-5;

std::filesystem::path reference(const std::string& name) {
  return std::filesystem::path(CL_SOURCE_DIR) / "tests/reference" / name;
}

/// With random weights unless the options name a file.
std::unique_ptr<Backbone> build(const std::string& options, uint64_t seed = 1) {
  const bool has_weights = options.find("weights: ") != std::string::npos;
  const std::string text = options + (has_weights ? "" : ", weights: random");
  return Backbones::get().make(config::Node::parse("vit: {" + text + "}", "test.yaml"),
                               {RngKey(seed), kCpu});
}

const std::string kMicro =
    "preset: custom, image_size: 32, patch_size: 8, width: 48, depth: 4, heads: 3";

/// The network of the reference files.
std::unique_ptr<Backbone> micro(const std::string& more = {}) {
  return build(kMicro + ", weights: " + reference("vit_micro.safetensors").string() + more);
}

double relative_error(const Tensor& found, const Tensor& expected) {
  REQUIRE(found.sizes() == expected.sizes());
  return found.to(at::kDouble).sub(expected).abs().max().item<double>() /
         expected.abs().max().item<double>();
}

/// Notes where it is called, and can add a constant to what a site gives.
class Probe final : public Hooks {
 public:
  Tensor at(const SiteCall& call, Tensor out) override {
    sites.push_back(call.site);
    layers.push_back(call.layer);
    if (call.site == Site::kAttention) attention = {call.stream, call.input, out};
    if (call.site == Site::kMlp) mlp = {call.stream, call.input, out};
    return add != 0 && call.site == add_at ? out.add(add) : out;
  }

  std::vector<Site> sites;
  std::vector<int64_t> layers;
  std::vector<Tensor> attention, mlp;  // stream, input, out of the last call
  Site add_at = Site::kMlp;
  double add = 0;
};

class FixedPrefix final : public Hooks {
 public:
  explicit FixedPrefix(Prefix prefix) : prefix_(std::move(prefix)) {}
  std::optional<Prefix> prefix(int64_t, const Tensor&) override { return prefix_; }

 private:
  Prefix prefix_;
};

}  // namespace

/// Whether one of the steps that led to `value` is called `name`.
bool has_step(const Tensor& value, const std::string& name) {
  std::vector<torch::autograd::Node*> nodes{value.grad_fn().get()};
  std::set<torch::autograd::Node*> seen;
  while (!nodes.empty()) {
    torch::autograd::Node* const node = nodes.back();
    nodes.pop_back();
    if (node == nullptr || !seen.insert(node).second) continue;
    if (node->name() == name) return true;
    for (const auto& edge : node->next_edges()) nodes.push_back(edge.function.get());
  }
  return false;
}

TEST_CASE("the vit gives the reference's tokens, blocks, norm and logits", "[nn]") {
  const GradMode off(false);
  const State expected = read_safetensors(reference("vit_micro_out.safetensors")).tensors;
  const auto vit = micro();
  Hooks hooks;
  Tensor tokens = vit->embed(*find(expected, "images"));
  CHECK(relative_error(tokens, *find(expected, "tokens_in_f64")) < kTolerance);
  for (int64_t block = 0; block < 4; ++block) {
    tokens = vit->blocks(tokens, block, block + 1, hooks);
    INFO("block " << block);
    const std::string name = "block_" + std::to_string(block) + "_f64";
    CHECK(relative_error(tokens, *find(expected, name)) < kTolerance);
  }
  const Tensor normed = vit->norm(tokens);
  CHECK(relative_error(normed, *find(expected, "norm_f64")) < kTolerance);
  const auto logits = vit->logits(vit->pool(normed));
  REQUIRE(logits.has_value());
  CHECK(relative_error(*logits, *find(expected, "logits_f64")) < kTolerance);
}

TEST_CASE("hidden layers that are computed again change no bit of a training pass", "[nn]") {
  // So wide that a tenth of the time is enough for some of its blocks.
  const auto vit = build(
      "preset: custom, image_size: 32, patch_size: 8, width: 32, depth: 6, heads: 4, mlp_ratio: 4");
  const BackboneInfo& info = vit->info();
  const Tensor images = init::uniform({5, 3, 32, 32}, 0, 1, RngKey(2), kCpu);
  struct Pass {
    Tensor features;
    std::vector<Tensor> gradients;
    bool keeps_hidden;
    FlopCount flops;
  };
  const auto pass = [&](const std::string& adapter, Recompute recompute, bool trains_last = false) {
    vit->recompute(recompute);
    const auto network = vit->clone();  // a copy goes on as its original does
    set_trainable(*network, false);
    network->weight_at(Site::kFc1, info.depth - 1).set_requires_grad(trains_last);
    AdapterHooks adapters(config::Node::parse(adapter, "test"), 0, info.depth,
                          adapter_parts(info, RngKey(3), kCpu));
    set_trainable(adapters, true);
    Pass result;
    result.flops = flops_of([&] { result.features = network->forward(images, adapters); });
    result.keeps_hidden = has_step(result.features, "GeluBackward0");
    result.features.square().sum().backward();
    for (const Tensor& parameter : parameters(adapters)) {
      result.gradients.push_back(parameter.grad());
    }
    result.features = result.features.detach();
    return result;
  };
  for (const std::string adapter : {"parallel", "parallel: {input: post_ln2, init: normal}"}) {
    INFO(adapter);
    const Pass kept = pass(adapter, Recompute::kNone), again = pass(adapter, Recompute::kAll);
    CHECK(kept.keeps_hidden);
    CHECK_FALSE(again.keeps_hidden);
    CHECK(at::equal(kept.features, again.features));
    REQUIRE(kept.gradients.size() == again.gradients.size());
    for (size_t i = 0; i < kept.gradients.size(); ++i) {
      CHECK(at::equal(kept.gradients[i], again.gradients[i]));
    }
    CHECK(kept.flops.forward == again.flops.forward);
    CHECK(kept.flops.backward == again.flops.backward);
  }
  CHECK(pass("parallel", Recompute::kAuto).keeps_hidden);
  // What is trained, or seen by an adapter, is kept.
  CHECK(pass("parallel", Recompute::kAll, /*trains_last=*/true).keeps_hidden);
  CHECK(pass("lora: {targets: [fc1]}", Recompute::kAll).keeps_hidden);
  CHECK(pass("lora: {targets: [fc2]}", Recompute::kAll).keeps_hidden);
}

TEST_CASE("the vit cut at any block and continued gives the same bits", "[nn]") {
  const GradMode off(false);
  const auto vit = build("preset: vit_mini");
  const Tensor images = init::uniform({3, 3, 32, 32}, 0, 1, RngKey(2), kCpu);
  Hooks hooks;
  const Tensor whole = vit->forward(images, hooks);
  for (int64_t cut = 0; cut <= 12; ++cut) {
    INFO("cut at " << cut);
    const Tensor before = vit->blocks(vit->embed(images), 0, cut, hooks);
    const Tensor after = vit->blocks(before, cut, 12, hooks);
    CHECK(at::equal(vit->pool(vit->norm(after)), whole));
  }
}

TEST_CASE("the measures of the vit presets are those of timm", "[nn]") {
  const auto counted = [](const std::string& preset) {
    return count(parameters(*build("preset: " + preset)));
  };
  // Per block 12 d^2 + 13 d; besides them (3 * 256 + 1) d for patches, d for the class token,
  // 197 d for positions, 2 d for the norm.
  CHECK(counted("vit_base_patch16_224") == 85'798'656);
  // d = 192: 12 * (12 * 36,864 + 2,496) + 969 * 192 = 5,338,368 + 186,048.
  CHECK(counted("vit_tiny_patch16_224_in21k") == 5'524'416);
  // d = 384: 12 * (12 * 147,456 + 4,992) + 969 * 384 = 21,293,568 + 372,096.
  CHECK(counted("vit_small_patch16_224") == 21'665'664);
}

TEST_CASE("the vit describes itself", "[nn]") {
  const BackboneInfo info = build("preset: vit_mini")->info();
  CHECK(info.dim == 128);
  CHECK(info.depth == 12);
  CHECK(build(kMicro)->info().num_heads == 3);
  CHECK(info.num_tokens == 17);  // (32 / 8)^2 patches and the class token
  CHECK(info.num_special_tokens == 1);
  CHECK(info.sample_shape == std::vector<int64_t>{3, 32, 32});
  CHECK(info.weights_digest.size() == 16);
  CHECK(info.options == build("preset: vit_mini", 2)->info().options);
  CHECK(info.options != build("preset: vit_mini, pool: avg")->info().options);
  CHECK(info.weights_digest != build("preset: vit_mini", 2)->info().weights_digest);
  CHECK(info.weights_digest == build("preset: vit_mini")->info().weights_digest);
}

TEST_CASE("a vit comes frozen and without a head unless its weights have one", "[nn]") {
  const auto vit = build("preset: vit_mini");
  CHECK(trainable_parameters(*vit).empty());
  CHECK_FALSE(vit->logits(at::zeros({1, 128}, at::kFloat)).has_value());
}

TEST_CASE("hooks see every site of every block once, in order", "[nn]") {
  const GradMode off(false);
  const auto vit = micro();
  Probe probe;
  vit->blocks(vit->embed(at::ones({1, 3, 32, 32}, at::kFloat)), 1, 3, probe);
  const std::vector<Site> block{Site::kBlockInput, Site::kNorm1,      Site::kQkv, Site::kProj,
                                Site::kAttention,  Site::kNorm2,      Site::kFc1, Site::kFc2,
                                Site::kMlp,        Site::kBlockOutput};
  std::vector<Site> twice = block;
  twice.insert(twice.end(), block.begin(), block.end());
  const bool in_order = probe.sites == twice;
  CHECK(in_order);
  std::vector<int64_t> layers(block.size(), 1);
  layers.resize(2 * block.size(), 2);
  CHECK(probe.layers == layers);
}

TEST_CASE("a block adds its branches to the streams that hooks see", "[nn]") {
  const GradMode off(false);
  const auto vit = micro();
  const Tensor h = vit->embed(init::uniform({2, 3, 32, 32}, 0, 1, RngKey(3), kCpu));
  Probe probe;
  const Tensor y = vit->blocks(h, 0, 1, probe);
  CHECK(at::equal(probe.attention[0], h));
  CHECK(at::equal(probe.mlp[0], h.add(probe.attention[2])));  // x = h + Attn(LN1(h))
  CHECK(at::equal(y, probe.mlp[0].add(probe.mlp[2])));        // x + MLP(LN2(x))
  CHECK_FALSE(at::equal(probe.mlp[1], probe.mlp[0]));         // the branch reads LN2(x)
}

TEST_CASE("what a hook returns is used instead of what it was given", "[nn]") {
  const GradMode off(false);
  const auto vit = micro();
  const Tensor h = vit->embed(at::ones({1, 3, 32, 32}, at::kFloat));
  Hooks none;
  const Tensor plain = vit->blocks(h, 0, 1, none);
  Probe probe;
  probe.add = 1;
  probe.add_at = GENERATE(Site::kMlp, Site::kBlockOutput);
  // Both sites reach the block's output with weight one.
  CHECK(relative_error(vit->blocks(h, 0, 1, probe), plain.add(1)) < kTolerance);
  probe.add_at = GENERATE(Site::kBlockInput, Site::kQkv, Site::kAttention);
  CHECK(relative_error(vit->blocks(h, 0, 1, probe), plain) > 1e-3);
}

TEST_CASE("attention mixes a prefix in by its softmax weight", "[nn]") {
  const GradMode off(false);
  const auto vit = build(kMicro);
  // Zero keys and values for the tokens: every score is zero, every token weighs the same.
  vit->weight_at(Site::kQkv, 0).zero_();
  const Tensor h = vit->embed(at::ones({2, 3, 32, 32}, at::kFloat));
  const Tensor keys = at::zeros({2, 3, 3, 16}, at::kFloat);
  FixedPrefix hooks({keys, at::ones({2, 3, 3, 16}, at::kFloat)});
  class Attended final : public Hooks {
   public:
    explicit Attended(Hooks& inner) : inner_(inner) {}
    std::optional<Prefix> prefix(int64_t layer, const Tensor& tokens) override {
      return inner_.prefix(layer, tokens);
    }
    Tensor at(const SiteCall& call, Tensor out) override {
      if (call.site == Site::kAttention) seen = out;
      return out;
    }
    Tensor seen;

   private:
    Hooks& inner_;
  } attended(hooks);
  (void)vit->blocks(h, 0, 1, attended);
  // 3 of 3 + 17 equal weights fall on values of one: every head gives 0.15, then the projection.
  const State weights = tensors_of(*vit);
  const Tensor projected = find(weights, "blocks.0.attn.proj.weight")->sum(1).mul(0.15);
  CHECK(relative_error(attended.seen, projected.expand({2, 17, 48}).to(at::kDouble)) < kTolerance);
}

TEST_CASE("average pooling is the mean of the patches' tokens", "[nn]") {
  const auto vit = build(kMicro + ", pool: avg");
  Tensor tokens = at::ones({1, 5, 48}, at::kFloat);
  tokens.select(1, 0).fill_(100);  // the class token does not count
  tokens.select(1, 4).fill_(5);
  const Tensor pooled = vit->pool(tokens);  // (1 + 1 + 1 + 5) / 4
  CHECK(at::equal(pooled, at::ones({1, 48}, at::kFloat).mul(2)));
  CHECK(at::equal(build(kMicro)->pool(tokens), at::ones({1, 48}, at::kFloat).mul(100)));
}

TEST_CASE("half-precision weights are converted", "[nn]") {
  const GradMode off(false);
  const TempDir dir;
  State state = read_safetensors(reference("vit_micro.safetensors")).tensors;
  for (auto& [name, tensor] : state) tensor = tensor.to(at::kBFloat16);
  write_safetensors(dir / "half", state);
  const auto half = build(kMicro + ", weights: " + (dir / "half").string());
  const State loaded = tensors_of(*half);
  CHECK(find(loaded, "norm.weight")->scalar_type() == at::kFloat);
  Hooks hooks;
  const Tensor images = at::ones({1, 3, 32, 32}, at::kFloat);
  const Tensor whole = micro()->forward(images, hooks).to(at::kDouble);
  CHECK(relative_error(half->forward(images, hooks), whole) < 0.05);  // 8 bits of precision
}

TEST_CASE("weights that do not fit are listed with their file", "[nn]") {
  const TempDir dir;
  State state = read_safetensors(reference("vit_micro.safetensors")).tensors;
  std::erase_if(state, [](const auto& entry) { return entry.first == "norm.bias"; });
  state.emplace_back("fc_norm.weight", at::ones({48}, at::kFloat));
  for (auto& [name, tensor] : state) {
    if (name == "cls_token") tensor = at::ones({1, 1, 24}, at::kFloat);
  }
  write_safetensors(dir / "w", state);
  CHECK_THROWS_WITH(build(kMicro + ", weights: " + (dir / "w").string()),
                    Contains((dir / "w").string()) && Contains("1 missing: 'norm.bias'") &&
                        Contains("1 unexpected: 'fc_norm.weight'") &&
                        Contains("'cls_token' is [1, 1, 24], expected [1, 1, 48]"));
}

TEST_CASE("weights that are not finite are refused with file, tensors and numbers", "[nn]") {
  const TempDir dir;
  State state = snapshot(*build(kMicro));
  const double strange = GENERATE(values<double>({NAN, HUGE_VAL, -HUGE_VAL}));
  for (auto& [name, tensor] : state) {
    if (name == "norm.bias") tensor.narrow(0, 5, 2).fill_(strange);         // of 48
    if (name == "blocks.1.mlp.fc1.weight") tensor.view({-1})[7] = strange;  // of 192 * 48
  }
  write_safetensors(dir / "w", state);
  CHECK_THROWS_WITH(build(kMicro + ", weights: " + (dir / "w").string()),
                    StartsWith((dir / "w").string() + ": not finite (NaN or infinity)") &&
                        Contains("tensor 'norm.bias': 2 of 48 values") &&
                        Contains("tensor 'blocks.1.mlp.fc1.weight': 1 of 9216 values"));
}

TEST_CASE("weights too large for their type or for single precision are refused", "[nn]") {
  const TempDir dir;
  State state = snapshot(*build(kMicro));
  const auto type = GENERATE(at::kHalf, at::kDouble);
  for (auto& [name, tensor] : state) {
    if (name != "norm.bias") continue;
    // Beyond half precision's 65504: infinite in the file. A finite double beyond 3.4e38.
    tensor = at::full({48}, type == at::kHalf ? 1e5 : 1e300, at::kDouble).to(type);
  }
  write_safetensors(dir / "w", state);
  CHECK_THROWS_WITH(build(kMicro + ", weights: " + (dir / "w").string()),
                    Contains("tensor 'norm.bias': 48 of 48 values"));
}

TEST_CASE("weights without a head give a vit without logits", "[nn]") {
  const TempDir dir;
  State state = read_safetensors(reference("vit_micro.safetensors")).tensors;
  std::erase_if(state, [](const auto& entry) { return entry.first.starts_with("head."); });
  write_safetensors(dir / "w", state);
  const auto vit = build(kMicro + ", weights: " + (dir / "w").string());
  CHECK_FALSE(vit->logits(at::zeros({1, 48}, at::kFloat)).has_value());
}

TEST_CASE("weights of one image size serve another", "[nn]") {
  const GradMode off(false);
  const auto vit = build(
      "preset: custom, image_size: 48, patch_size: 8, width: 48, depth: 4, "
      "heads: 3, weights: " +
      reference("vit_micro.safetensors").string());
  CHECK(vit->info().num_tokens == 37);
  Hooks hooks;
  const Tensor features = vit->forward(at::ones({1, 3, 48, 48}, at::kFloat), hooks);
  CHECK(features.sizes() == at::IntArrayRef{1, 48});
}

struct Resampled {
  std::string by;          // what made it, as in the reference file
  std::string resampling;  // ours
};

TEST_CASE("positions are resampled as timm and Hugging Face resample them", "[nn]") {
  const State weights = read_safetensors(reference("vit_positions.safetensors")).tensors;
  const State expected = read_safetensors(reference("vit_positions_out.safetensors")).tensors;
  const auto [by, resampling] =
      GENERATE(values<Resampled>({{"timm", "bicubic_antialias"},
                                  {"timm_no_antialias", "bicubic"},
                                  {"hf_vit", "bicubic"},
                                  {"hf_dinov2", "bicubic"},
                                  {"hf_dinov2_reg", "bicubic_antialias"}}));
  const auto [direction, grid] = GENERATE(table<std::string, int64_t>({{"up", 6}, {"down", 2}}));
  INFO(direction << ", " << by);
  const Tensor* wanted = find(expected, "pos_embed_" + direction + "_" + by);
  REQUIRE(wanted != nullptr);
  const Tensor found = vit::resample_positions(*find(weights, "pos_embed"), grid, resampling);
  CHECK(relative_error(found, *wanted) < kTolerance);
  // The kernels are not alike: 0.14 where the grid grows, 0.35 where it shrinks.
  const std::string other = resampling == "bicubic" ? "bicubic_antialias" : "bicubic";
  const Tensor by_other = vit::resample_positions(*find(weights, "pos_embed"), grid, other);
  CHECK(by_other.sub(*wanted).abs().max().item<double>() > 0.13);
}

TEST_CASE("a vit at another image size gives timm's features", "[nn]") {
  const GradMode off(false);
  const State expected = read_safetensors(reference("vit_positions_out.safetensors")).tensors;
  const auto [direction, size] = GENERATE(table<std::string, int64_t>({{"up", 24}, {"down", 8}}));
  INFO(direction);
  const auto features = [&](const std::string& more) {
    const auto vit = build(
        fmt::format("preset: custom, image_size: {}, patch_size: 4, width: 24, depth: 2, heads: 3, "
                    "mlp_ratio: 3, weights: {}{}",
                    size, reference("vit_positions.safetensors").string(), more));
    Hooks hooks;
    return vit->forward(*find(expected, "images_" + direction), hooks);
  };
  const Tensor& wanted = *find(expected, "pooled_" + direction + "_timm");
  CHECK(relative_error(features(""), wanted) < kTolerance);
  CHECK(relative_error(features(", positions: bicubic"), wanted) > 1e-3);
}

TEST_CASE("positions are resampled by the chosen kernel and the class token kept", "[nn]") {
  // Two rows of (0, 1), and 7 for the class token.
  const Tensor positions = at::zeros({1, 5, 1}, at::kFloat);
  for (const int64_t one : {2, 4}) positions.select(1, one).fill_(1);
  positions.select(1, 0).fill_(7);
  // At the sources -0.25, 0.25, 0.75, 1.25; the last two by symmetry. A kernel is k.
  const auto [resampling, first, second] = GENERATE(table<std::string, double, double>({
      // a = -0.75, borders repeated: k(1.25) = -0.10546875; k(0.75) + k(1.75) = 0.26171875 -
      // 0.03515625.
      {"bicubic", -0.10546875, 0.2265625},
      // a = -0.5, what is beyond the border left out and the rest scaled to a sum of one:
      // k(1.25) = -0.0703125, k(0.25) = 0.8671875, k(0.75) = 0.2265625.
      {"bicubic_antialias", -0.0703125 / 0.796875, 0.2265625 / 1.09375},
      // max(0, 1 - |x|), borders repeated.
      {"bilinear", 0, 0.25},
  }));
  INFO(resampling);
  const Tensor result = vit::resample_positions(positions, 4, resampling);
  REQUIRE(result.sizes() == at::IntArrayRef{1, 17, 1});
  CHECK(result.select(1, 0).item<float>() == 7);
  const std::vector<double> row{first, second, 1 - second, 1 - first};
  for (int64_t i = 0; i < 16; ++i) {
    CHECK(result.select(1, 1 + i).item<float>() ==
          Approx(row[static_cast<size_t>(i % 4)]).margin(1e-6));
  }
  CHECK(at::equal(vit::resample_positions(positions, 2, resampling), positions));
}

TEST_CASE("the two stems order their tokens by rows of patches", "[nn]") {
  const GradMode off(false);
  const std::string stem = GENERATE("patch", "conv");
  const auto vit = build(
      "preset: custom, image_size: 64, patch_size: 8, width: 32, depth: 1, "
      "heads: 1, stem: " +
      stem);
  const Tensor plain = at::zeros({1, 3, 64, 64}, at::kFloat);
  Tensor marked = plain.clone();
  // Row 2, column 5 of 8 x 8 patches: token 1 + 2 * 8 + 5 = 22.
  marked.narrow(2, 16, 3).narrow(3, 40, 3).fill_(1);
  const Tensor change = vit->embed(marked).sub(vit->embed(plain)).abs().sum(2).select(0, 0);
  CHECK(change.argmax().item<int64_t>() == 22);
}

TEST_CASE("samples of another shape than the vit's are an error", "[nn]") {
  const auto vit = micro();
  CHECK_THROWS_WITH(vit->embed(at::ones({1, 3, 28, 28}, at::kFloat)),
                    Contains("samples of shape [3, 28, 28], expected [3, 32, 32]"));
  CHECK_THROWS_AS(vit->embed(at::ones({3}, at::kFloat)), Error);
}

TEST_CASE("vit options that contradict each other are errors of the configuration", "[nn]") {
  CHECK_THROWS_WITH(build("preset: vit_mini, width: 64"), Contains("belong to preset 'custom'"));
  CHECK_THROWS_WITH(build("preset: vit_mini, image_size: 33"), Contains("no multiple of patch"));
  CHECK_THROWS_WITH(build("preset: custom, heads: 7"), Contains("no multiple of heads 7"));
  CHECK_THROWS_WITH(build("preset: custom, image_size: 36, patch_size: 12, stem: conv"),
                    Contains("a power of 2"));
  CHECK_THROWS_WITH(build("preset: vit_mimi"), Contains("vit_mini"));
}

TEST_CASE("gradients reach an unfrozen vit's every parameter", "[nn]") {
  const auto vit = build(
      "preset: custom, image_size: 16, patch_size: 8, width: 32, depth: 2, "
      "heads: 2, stem: conv");
  set_trainable(*vit, true);
  Hooks hooks;
  vit->forward(init::uniform({2, 3, 16, 16}, 0, 1, RngKey(1), kCpu), hooks).pow(2).sum().backward();
  const std::vector<Tensor> all = parameters(*vit);
  CHECK(std::all_of(all.begin(), all.end(), [](const Tensor& p) { return p.grad().defined(); }));
}

}  // namespace cl
