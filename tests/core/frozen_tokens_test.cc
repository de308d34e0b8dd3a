#include "core/features/frozen_tokens.h"

#include <filesystem>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>

#include "core/data/row_index.h"
#include "core/data/tensor_dataset.h"
#include "core/features/activation_file.h"
#include "core/nn/init.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl {
namespace {

using at::Tensor;

constexpr int64_t kDim = 2;
constexpr int64_t kBytesPerRow = 2 * kDim * 4;  // two tokens of kDim floats
constexpr int64_t kPlenty = 1 << 20;

/// Block l adds 10^l to every token; features are the tokens' sum. Counts what it embeds.
class Counting final : public Backbone {
 public:
  Counting() {
    info_.dim = kDim;
    info_.depth = 2;
    info_.num_tokens = 2;
  }
  const BackboneInfo& info() const override { return info_; }
  std::unique_ptr<Backbone> clone() override { throw Error("none"); }
  Tensor embed(const Tensor& x, Hooks&) const override {
    embedded += x.size(0);
    return x.reshape({-1, 1, 1}).expand({-1, 2, kDim});
  }
  Tensor special_position() const override { return {}; }
  Tensor blocks(Tensor tokens, int64_t first, int64_t last, Hooks& hooks) const override {
    for (int64_t layer = first; layer < last; ++layer) {
      tokens =
          hooks.at({Site::kBlockOutput, layer, tokens, tokens}, tokens + (layer == 0 ? 1 : 10));
    }
    return tokens;
  }
  Tensor norm(const Tensor& tokens, Hooks&) const override { return tokens; }
  Tensor pool(const Tensor& tokens) const override { return tokens.sum(1); }
  std::optional<Tensor> logits(const Tensor&) const override { return std::nullopt; }
  Tensor& weight_at(Site, int64_t) override { throw Error("no weights"); }
  void tensors(TensorVisitor&) override {}

  void describe(const std::string& options) { info_.options = options; }

  mutable int64_t embedded = 0;

 private:
  BackboneInfo info_;
};

/// Sample i is the number i; training views add a thousand times the key's last digit.
class Numbers final : public Samples {
 public:
  explicit Numbers(int64_t size, bool augments = false, std::string id = "numbers")
      : size_(size), augments_(augments), id_(std::move(id)) {}
  int64_t size() const override { return size_; }
  Tensor fetch(std::span<const int64_t> rows, const View& view) const override {
    const auto digit = view.augment && augments_ ? view.augment->bits() % 10 : 0;
    return row_index(rows, at::kCPU).to(at::kFloat) + 1000.0 * static_cast<double>(digit);
  }
  const std::string& id() const override { return id_; }
  bool augments() const override { return augments_; }

 private:
  int64_t size_;
  bool augments_;
  std::string id_;
};

class AddHundred final : public Hooks {
 public:
  Tensor at(const SiteCall&, Tensor out) override { return out + 100; }
};

struct World {
  explicit World(int64_t budget_bytes = kPlenty)
      : cache(backbone, at::kCPU, {.memory_bytes = budget_bytes}) {}

  Counting backbone;
  Hooks none;
  FrozenTokens cache;

  /// First number of the tokens of each row.
  std::vector<float> tokens(const Samples& samples, const std::vector<int64_t>& rows, int64_t block,
                            const View& view = View::test()) {
    const Tensor result = cache.tokens(samples, rows, view, block, none);
    CHECK(result.sizes() == at::IntArrayRef({static_cast<int64_t>(rows.size()), 2, kDim}));
    const Tensor first = result.select(2, 0).select(1, 0).contiguous();
    return {first.data_ptr<float>(), first.data_ptr<float>() + first.numel()};
  }
};

TEST_CASE("tokens are those that enter the block, in the order of the rows", "[frozen_tokens]") {
  World world;
  const Numbers samples(100);
  CHECK(world.tokens(samples, {70, 3, 70}, 0) == std::vector<float>{70, 3, 70});
  CHECK(world.tokens(samples, {70, 3}, 1) == std::vector<float>{71, 4});
  CHECK(world.tokens(samples, {70, 3}, 2) == std::vector<float>{81, 14});
}

TEST_CASE("features come from all blocks and the pool", "[frozen_tokens]") {
  World world;
  const Tensor features =
      world.cache.features(Numbers(100), std::vector<int64_t>{5}, View::test(), world.none);
  REQUIRE(features.sizes() == at::IntArrayRef({1, kDim}));
  CHECK(features[0][0].item<double>() == 32);  // 2 tokens of 5 + 1 + 10
}

TEST_CASE("a chunk of rows is computed once, and only when one of them is asked for",
          "[frozen_tokens]") {
  World world;
  const Numbers samples(100);
  (void)world.tokens(samples, {3, 7}, 1);
  CHECK(world.backbone.embedded == 64);
  (void)world.tokens(samples, {63, 0}, 1);
  CHECK(world.backbone.embedded == 64);
  (void)world.tokens(samples, {64, 0}, 1);
  CHECK(world.backbone.embedded == 100);  // the last chunk has 36 rows
}

TEST_CASE("what is remembered records no gradient", "[frozen_tokens]") {
  World world;
  CHECK_FALSE(world.cache.tokens(Numbers(4), std::vector<int64_t>{0}, View::test(), 1, world.none)
                  .requires_grad());
}

TEST_CASE("other samples of equal size are told apart by their id", "[frozen_tokens]") {
  World world;
  const Numbers train(10, true, "train"), test(10, false, "test");
  const View view = View::train(RngKey(1));
  const auto digit = static_cast<float>(RngKey(1).bits() % 10);
  CHECK(world.tokens(train, {2}, 0, view)[0] == 2 + 1000 * digit);
  CHECK(world.tokens(test, {2}, 0, view)[0] == 2);
}

TEST_CASE("augmented views are told apart, and computed directly each time", "[frozen_tokens]") {
  World world;
  const Numbers samples(10, /*augments=*/true);
  const View view = View::train(RngKey(1));
  const auto digit = static_cast<float>(RngKey(1).bits() % 10);
  CHECK(world.tokens(samples, {2}, 0, view)[0] == 2 + 1000 * digit);
  CHECK(world.tokens(samples, {2}, 0, view)[0] == 2 + 1000 * digit);
  CHECK(world.backbone.embedded == 2);  // the row asked for, twice
  CHECK(world.tokens(samples, {2}, 0)[0] == 2);
  CHECK(world.backbone.embedded == 12);  // and the only chunk of the test view, once
  (void)world.tokens(samples, {3}, 0);
  CHECK(world.backbone.embedded == 12);
}

TEST_CASE("training views are one with the test view where nothing is augmented",
          "[frozen_tokens]") {
  World world;
  const Numbers samples(10);
  (void)world.tokens(samples, {2}, 0, View::train(RngKey(1)));
  (void)world.tokens(samples, {2}, 0, View::train(RngKey(2)));
  (void)world.tokens(samples, {2}, 0);
  CHECK(world.backbone.embedded == 10);
}

TEST_CASE("what was forgotten is computed anew, in the room there was", "[frozen_tokens]") {
  World world(10 * kBytesPerRow);
  const Numbers samples(10);
  CHECK(world.tokens(samples, {2}, 1)[0] == 3);
  world.cache.forget();
  AddHundred hooks;
  const Tensor changed =
      world.cache.tokens(samples, std::vector<int64_t>{2}, View::test(), 1, hooks);
  CHECK(changed[0][0][0].item<double>() == 103);
  CHECK(world.tokens(samples, {2}, 1)[0] == 103);
}

TEST_CASE("all is forgotten, or what lies above a block", "[frozen_tokens]") {
  World world;
  const Numbers samples(10);
  const auto embedded_again = [&] {
    const int64_t before = world.backbone.embedded;
    (void)world.tokens(samples, {2}, 0);
    (void)world.tokens(samples, {2}, 1);
    (void)world.tokens(samples, {2}, 2);
    return world.backbone.embedded - before;
  };
  CHECK(embedded_again() == 30);
  world.cache.forget(1);
  CHECK(embedded_again() == 10);  // what enters block 2
  world.cache.forget();
  CHECK(embedded_again() == 30);
}

TEST_CASE("the least recently used goes when the budget is spent", "[frozen_tokens]") {
  World world(20 * kBytesPerRow);
  const Numbers a(10, false, "a"), b(10, false, "b"), c(10, false, "c");
  (void)world.tokens(a, {0}, 0);
  (void)world.tokens(b, {0}, 0);
  (void)world.tokens(a, {1}, 0);  // b is now the oldest
  CHECK(world.backbone.embedded == 20);
  (void)world.tokens(c, {0}, 0);
  CHECK(world.backbone.embedded == 30);
  (void)world.tokens(a, {2}, 0);
  CHECK(world.backbone.embedded == 30);
  (void)world.tokens(b, {0}, 0);
  CHECK(world.backbone.embedded == 40);
}

TEST_CASE("what one run computed is found by the next, if its network is the same",
          "[frozen_tokens]") {
  const TempDir folder;
  const Numbers samples(100);
  const auto read = [&](const std::string& network, int64_t budget) {
    Counting backbone;
    Hooks none;
    const auto store = std::make_shared<ActivationStore>(folder.path(), kPlenty, "here");
    FrozenTokens cache(backbone, at::kCPU, {.memory_bytes = budget, .store = store},
                       {.identity = [&](int64_t) { return network; }});
    const Tensor tokens = cache.tokens(samples, std::vector<int64_t>{70, 3}, View::test(), 1, none);
    CHECK(tokens[0][0][0].item<double>() == 71);
    CHECK(tokens[1][1][1].item<double>() == 4);
    return backbone.embedded;
  };
  const int64_t budget = GENERATE(kPlenty, 0);
  CHECK(read("first", budget) == 100);
  CHECK(read("first", budget) == 0);
  CHECK(read("second", budget) == 100);
}

TEST_CASE("backbones of equal tensors that compute differently share nothing", "[frozen_tokens]") {
  const TempDir folder;
  const Numbers samples(10);
  const auto embedded = [&](const std::string& options, bool through_learner,
                            const std::string& learner_code) {
    Counting backbone;
    backbone.describe(options);
    Hooks none;
    const auto store =
        std::make_shared<ActivationStore>(folder.path(), kPlenty, "here", learner_code);
    FrozenTokens cache(backbone, at::kCPU, {.memory_bytes = kPlenty, .store = store},
                       {.identity = [](int64_t) { return std::string("net"); },
                        .through_learner = through_learner});
    (void)cache.tokens(samples, std::vector<int64_t>{0}, View::test(), 1, none);
    return backbone.embedded;
  };
  CHECK(embedded("pool: cls", false, "a") == 10);
  CHECK(embedded("pool: avg", false, "a") == 10);
  CHECK(embedded("pool: cls", false, "b") == 0);  // no code of a learner has a part in it
  CHECK(embedded("pool: cls", true, "a") == 10);
  CHECK(embedded("pool: cls", true, "b") == 10);
}

TEST_CASE("bfloat16 gives numbers of its own, near those of float32", "[frozen_tokens]") {
  const TempDir folder;
  const std::string stem = GENERATE("patch", "conv");
  const std::string options =
      "preset: custom, image_size: 8, patch_size: 4, width: 32, depth: 2, heads: 2, weights: "
      "random, "
      "stem: " +
      stem;
  const auto backbone = Backbones::get().make(config::Node::parse("vit: {" + options + "}", "test"),
                                              {.key = RngKey(1), .device = at::kCPU});
  const TensorDataset images(init::uniform({5, 3, 8, 8}, 0, 1, RngKey(2), at::kCPU),
                             at::zeros({5}, at::kLong));
  Hooks none;
  const auto features = [&](bool bfloat16) {
    // The second finds the files of the first, if they had one name.
    const auto store = std::make_shared<ActivationStore>(folder.path(), kPlenty, "here");
    FrozenTokens cache(*backbone, at::kCPU, {.store = store, .bfloat16 = bfloat16});
    return cache.features(images, std::vector<int64_t>{0, 1, 2, 3, 4}, View::test(), none);
  };
  const Tensor full = features(false), half = features(true);
  CHECK(half.scalar_type() == at::kFloat);
  const double difference = (full - half).abs().max().item<double>();
  CHECK(difference > 0);
  CHECK(difference < 0.03 * full.abs().max().item<double>());  // 8 bits are 0.4 % an operation
}

TEST_CASE("a training view that recurs is remembered apart from others", "[frozen_tokens]") {
  World world;
  const Numbers samples(10, /*augments=*/true);
  for (int turn = 0; turn < 2; ++turn) {
    for (const uint64_t seed : {1, 2}) {
      const auto digit = static_cast<float>(RngKey(seed).bits() % 10);
      const View view = View::recurring(RngKey(seed), static_cast<int64_t>(seed) - 1);
      CHECK(world.tokens(samples, {2}, 0, view)[0] == 2 + 1000 * digit);
    }
    CHECK(world.tokens(samples, {2}, 0)[0] == 2);
    CHECK(world.backbone.embedded == 30);
  }
}

TEST_CASE("of views that do not fit together the first stay", "[frozen_tokens]") {
  constexpr int64_t kSize = FrozenTokens::kChunk;
  const auto embedded = [&](int64_t memory_views, int64_t store_views) {
    const TempDir folder;
    Counting backbone;
    Hooks none;
    FrozenWork work{.memory_bytes = memory_views * kSize * kBytesPerRow};
    if (store_views > 0) {
      const int64_t bytes = store_views * (kSize * kBytesPerRow + kActivationHeaderBytes);
      work.store = std::make_shared<ActivationStore>(folder.path(), bytes * 10 / 9 + 1, "here");
    }
    FrozenTokens cache(backbone, at::kCPU, work);
    const Numbers samples(kSize, /*augments=*/true);
    std::vector<int64_t> rows(kSize);
    std::iota(rows.begin(), rows.end(), 0);
    std::vector<int64_t> by_round;
    for (int round = 0; round < 2; ++round) {
      const int64_t before = backbone.embedded;
      for (int64_t turn = 0; turn < 4; ++turn) {
        const RngKey key = RngKey(7).child(static_cast<uint64_t>(turn));
        const Tensor tokens = cache.tokens(samples, rows, View::recurring(key, turn), 1, none);
        CHECK(tokens[3][0][0].item<double>() == 4 + 1000 * static_cast<double>(key.bits() % 10));
      }
      by_round.push_back(backbone.embedded - before);
    }
    CHECK(by_round[0] == 4 * kSize);
    return by_round[1];
  };
  CHECK(embedded(4, 0) == 0);
  CHECK(embedded(3, 0) == kSize);  // the last is computed again, instead of all
  CHECK(embedded(0, 0) == 4 * kSize);
  CHECK(embedded(0, 4) == 0);
  CHECK(embedded(0, 2) == 2 * kSize);
  CHECK(embedded(2, 3) == kSize);
}

TEST_CASE("a file that is cut under a run is computed anew", "[frozen_tokens]") {
  const TempDir folder;
  Counting backbone;
  Hooks none;
  const auto store = std::make_shared<ActivationStore>(folder.path(), kPlenty, "here");
  FrozenTokens cache(backbone, at::kCPU, {.memory_bytes = 0, .store = store});
  const Numbers samples(100);
  const auto read = [&] {
    const Tensor tokens =
        cache.tokens(samples, std::vector<int64_t>{63, 64, 65, 3}, View::test(), 1, none);
    for (const auto& [place, value] : {std::pair{0, 64.0}, {1, 65.0}, {2, 66.0}, {3, 4.0}}) {
      CHECK(tokens[place][1][1].item<double>() == value);
    }
    return backbone.embedded;
  };
  CHECK(read() == 100);
  CHECK(read() == 100);  // all from files
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
    if (entry.path().filename() == "test-1.act") std::filesystem::resize_file(entry.path(), 150);
  }
  CHECK(read() == 136);  // the last chunk has 36 rows
  CHECK(read() == 136);
  (void)ActivationStore::clear(folder.path());
  CHECK(read() == 136);  // they are open
}

/// Leaves one token of two.
class DropToken final : public Hooks {
 public:
  Tensor at(const SiteCall&, Tensor out) override { return out.narrow(1, 0, 1); }
};

TEST_CASE("a network that gives other tokens than it says is our mistake, not overread",
          "[frozen_tokens]") {
  World world(GENERATE(kPlenty, 0));
  DropToken hooks;
  const std::vector<int64_t> rows{0, 1};
  CHECK_NOTHROW(world.cache.tokens(Numbers(4), rows, View::test(), 0, hooks));
  CHECK_THROWS_WITH(world.cache.tokens(Numbers(4), rows, View::test(), 1, hooks),
                    Contains("block 1 of") && Contains("1, 2] and not by [") &&
                        Contains("2, 2]: something below it adds or drops tokens"));
}

TEST_CASE("samples larger than the budget are computed directly each time", "[frozen_tokens]") {
  Counting backbone;
  Hooks none;
  FrozenTokens cache(backbone, at::kCPU, {.memory_bytes = 9 * kBytesPerRow});
  const Numbers samples(10);
  for (int i = 0; i < 2; ++i) {
    const Tensor tokens = cache.tokens(samples, std::vector<int64_t>{7, 2}, View::test(), 1, none);
    CHECK(tokens[0][0][0].item<double>() == 8);
  }
  CHECK(backbone.embedded == 4);
}

}  // namespace
}  // namespace cl
