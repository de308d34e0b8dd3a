#include "core/nn/prompts/prompt_pool.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>

#include "core/base/error.h"
#include "core/weights/state.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

const c10::Device kCpu(c10::kCPU);

Tensor matrix(std::initializer_list<std::initializer_list<float>> rows) {
  Tensor result = at::zeros(
      {static_cast<int64_t>(rows.size()), static_cast<int64_t>(rows.begin()->size())}, at::kFloat);
  int64_t i = 0;
  for (const auto& row : rows) {
    int64_t j = 0;
    for (const float value : row) result.select(0, i).select(0, j++).fill_(value);
    ++i;
  }
  return result;
}

Tensor indices(std::initializer_list<std::initializer_list<float>> rows) {
  return matrix(rows).to(at::kLong);
}

/// Three prompts of one token, of which two are chosen: prompt i is (i, i), keys point right, up
/// and left.
PromptPool three() {
  PromptPool pool({.prompts = 3, .prompt_tokens = 1, .dim = 2, .chosen = 2}, RngKey(1), kCpu);
  load(pool,
       {{"prompts", matrix({{0, 0}, {1, 1}, {2, 2}}).view({3, 1, 2})},
        {"keys", matrix({{2, 0}, {0, 1}, {-1, 0}})}},
       "test");
  return pool;
}

}  // namespace

TEST_CASE("samples choose the prompts whose keys point their way", "[nn]") {
  const ChosenPrompts chosen = three().choose(matrix({{3, 4}, {-4, 3}}), PromptVote::kSample);
  // Cosines of (3, 4): 0.6, 0.8, -0.6. Of (-4, 3): -0.8, 0.6, 0.8.
  CHECK(at::equal(chosen.indices, indices({{1, 0}, {2, 1}})));
  CHECK(at::equal(chosen.tokens, matrix({{1, 1, 0, 0}, {2, 2, 1, 1}}).view({2, 2, 2})));
  CHECK(chosen.similarity.sub(matrix({{1.4f, 1.4f}}).view({2})).abs().max().item<double>() < 1e-6);
}

TEST_CASE("a batch votes for the prompts chosen most often, ties to the lower index", "[nn]") {
  // Choices: (1, 0), (2, 1), (1, 2): votes 1, 3, 2.
  const Tensor query = matrix({{3, 4}, {-4, 3}, {-3, 4}});
  const ChosenPrompts chosen = three().choose(query, PromptVote::kBatch);
  CHECK(at::equal(chosen.indices, indices({{1, 2}, {1, 2}, {1, 2}})));
  // The first query: cosines 0.8 and -0.6.
  CHECK(chosen.similarity.select(0, 0).item<float>() == Approx(0.2));
  CHECK(chosen.tokens.sizes() == at::IntArrayRef{3, 2, 2});
  // Without the third sample 0 and 2 have one vote each.
  CHECK(at::equal(three().choose(query.narrow(0, 0, 2), PromptVote::kBatch).indices,
                  indices({{1, 0}, {1, 0}})));
}

TEST_CASE("equal similarities choose the lower index", "[nn]") {
  // (0, -1) is at right angles to keys 0 and 2, and opposed to key 1.
  CHECK(
      at::equal(three().choose(matrix({{0, -1}}), PromptVote::kSample).indices, indices({{0, 2}})));
}

TEST_CASE("a prompt can be taken whatever the query, and copied without its key", "[nn]") {
  PromptPool pool = three();
  const ChosenPrompts taken = pool.take(matrix({{3, 4}, {-4, 3}}), 2);
  CHECK(at::equal(taken.indices, indices({{2}, {2}})));
  CHECK(at::equal(taken.tokens, matrix({{2, 2}, {2, 2}}).view({2, 1, 2})));
  CHECK(taken.similarity.sub(matrix({{-0.6f, 0.8f}}).view({2})).abs().max().item<double>() < 1e-6);
  pool.copy_prompt(1, 2);
  const State state = snapshot(pool);
  CHECK(at::equal(*find(state, "prompts"), matrix({{0, 0}, {1, 1}, {1, 1}}).view({3, 1, 2})));
  CHECK(at::equal(*find(state, "keys"), matrix({{2, 0}, {0, 1}, {-1, 0}})));
  CHECK_THROWS_AS(pool.take(matrix({{3, 4}}), 3), InternalError);
}

TEST_CASE("gradients reach the chosen prompts and keys only", "[nn]") {
  PromptPool pool = three();
  const ChosenPrompts chosen = pool.choose(matrix({{3, 4}}), PromptVote::kSample);
  chosen.tokens.sum().add(chosen.similarity.sum()).backward();
  const std::vector<Tensor> own = parameters(pool);  // prompts, keys
  for (const Tensor& parameter : own) {
    const Tensor size = parameter.grad().abs().flatten(1).sum(1);
    CHECK(size.select(0, 0).item<float>() > 0);
    CHECK(size.select(0, 1).item<float>() > 0);
    CHECK(size.select(0, 2).item<float>() == 0);
  }
}

TEST_CASE("a new pool of L2P's size has 46,080 parameters between -1 and 1", "[nn]") {
  PromptPool pool({.prompts = 10, .prompt_tokens = 5, .dim = 768, .chosen = 5}, RngKey(1), kCpu);
  CHECK(count(trainable_parameters(pool)) == 46'080);  // 38,400 and 7,680
  for (const Tensor& parameter : parameters(pool)) {
    CHECK(parameter.min().item<double>() < -0.99);
    CHECK(parameter.max().item<double>() > 0.99);
    CHECK(parameter.abs().max().item<double>() <= 1);
  }
}

TEST_CASE("a pool cannot be asked for more prompts than it has", "[nn]") {
  CHECK_THROWS_AS(PromptPool({.prompts = 2, .dim = 4, .chosen = 3}, RngKey(1), kCpu),
                  InternalError);
}

}  // namespace cl
