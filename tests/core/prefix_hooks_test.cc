#include "core/nn/prompts/prefix_hooks.h"

#include <cmath>

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>

#include "core/base/error.h"
#include "core/nn/attention.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

const auto kFloats = at::TensorOptions(at::kFloat);

TEST_CASE("a prefix takes part in attention, each head with its share", "[nn]") {
  // One token, two heads of one number: q = (1, 2), k = (0, 1), v = (10, 20); the prompt has one
  // key (1, 0) and one value (30, 40).
  const Tensor projected = at::zeros({1, 1, 6}, kFloats);
  const Tensor prompt = at::zeros({1, 2, 1, 2}, kFloats);
  const std::vector<float> numbers{1, 2, 0, 1, 10, 20}, prefix{1, 0, 30, 40};
  for (int64_t i = 0; i < 6; ++i) projected.flatten()[i] = numbers[static_cast<size_t>(i)];
  for (int64_t i = 0; i < 4; ++i) prompt.flatten()[i] = prefix[static_cast<size_t>(i)];
  PrefixHooks hooks({{3, prompt}}, 2);
  const Tensor out = attention(projected, 2, hooks.prefix(3, at::zeros({1, 1, 2}, kFloats)));
  // Head 0: scores 1 * 1 (prefix) and 1 * 0. Head 1: 2 * 0 (prefix) and 2 * 1.
  const double first = 1 / (1 + std::exp(-1.0)), second = 1 / (1 + std::exp(2.0));
  CHECK(out[0][0][0].item<double>() == Approx(first * 30 + (1 - first) * 10));
  CHECK(out[0][0][1].item<double>() == Approx(second * 40 + (1 - second) * 20));
}

TEST_CASE("a prompt for all samples is that of each, and other blocks have none", "[nn]") {
  const Tensor prompt = at::arange(24, kFloats).view({1, 2, 3, 4});
  PrefixHooks hooks({{0, prompt}}, 2);
  const Tensor tokens = at::zeros({5, 7, 4}, kFloats);
  CHECK_FALSE(hooks.prefix(1, tokens).has_value());
  const auto prefix = hooks.prefix(0, tokens);
  REQUIRE(prefix.has_value());
  CHECK(prefix->key.sizes() == at::IntArrayRef{5, 2, 3, 2});
  CHECK(prefix->value.sizes() == at::IntArrayRef{5, 2, 3, 2});
  // Sample 4, head 1, token 2: columns 2 and 3 of row 2; values come 12 numbers after keys.
  CHECK(prefix->key[4][1][2][0].item<double>() == 2 * 4 + 2);
  CHECK(prefix->value[4][1][2][1].item<double>() == 12 + 2 * 4 + 3);
}

TEST_CASE("a prompt that is no pair of keys and values is a mistake of ours", "[nn]") {
  CHECK_THROWS_AS(PrefixHooks({{0, at::zeros({1, 3, 2, 4}, kFloats)}}, 2), InternalError);
  CHECK_THROWS_AS(PrefixHooks({{0, at::zeros({1, 2, 2, 5}, kFloats)}}, 2), InternalError);
}

}  // namespace
}  // namespace cl
