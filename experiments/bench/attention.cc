// Attention head by head, all heads at once, and fused where LibTorch has that: the tokens of a
// ViT-B/16 and of a vit_mini, forward and both ways.
#include "core/nn/attention.h"

#include <optional>
#include <string>

#include <ATen/ops/empty.h>
#include <benchmark/benchmark.h>

#include "core/nn/attention_by_heads.h"
#include "core/nn/fused_attention.h"
#include "core/nn/init.h"
#include "core/nn/threads.h"
#include "experiments/bench/benchmarks.h"

namespace cl {
namespace {

struct Shape {
  std::string name;
  int64_t samples, tokens, heads, head_dim;
};

using Attend = Tensor (*)(const Tensor& projected, int64_t heads);

/// As it is done on any device: nothing before the tokens sends it there.
Tensor by_batches(const Tensor& projected, int64_t heads) {
  const int64_t head_dim = projected.size(2) / (3 * heads);
  const Tensor none = at::empty({projected.size(0), heads, 0, head_dim}, projected.options());
  return attention(projected, heads, Prefix{none, none});
}

void measure(benchmark::State& state, const Shape& shape, Attend attend, bool both_ways) {
  const int64_t dim = shape.heads * shape.head_dim;
  const Tensor x = init::normal({shape.samples, shape.tokens, 3 * dim}, 0, 1, RngKey(1), at::kCPU)
                       .set_requires_grad(both_ways);
  const Tensor weights =
      init::normal({shape.samples, shape.tokens, dim}, 0, 1, RngKey(2), at::kCPU);
  const GradMode recording(both_ways);
  for (auto _ : state) {
    const Tensor result = attend(x, shape.heads);
    if (!both_ways) continue;
    result.backward(weights);
    x.mutable_grad() = Tensor();
  }
}

}  // namespace

void add_attention() {
  for (const Shape& shape :
       {Shape{"vit_base", 32, 197, 12, 64}, Shape{"vit_mini", 32, 17, 8, 16}}) {
    const auto add = [&](const std::string& way, Attend attend) {
      for (const bool both_ways : {false, true}) {
        const std::string name =
            "attention/" + shape.name + (both_ways ? "/both_ways/" : "/forward/") + way;
        benchmark::RegisterBenchmark(
            name.c_str(),
            [=](benchmark::State& state) { measure(state, shape, attend, both_ways); })
            ->Unit(benchmark::kMillisecond)
            ->UseRealTime();
      }
    };
    add("by_batches", by_batches);
    add("by_heads", attention_by_heads);
    const Tensor any = at::empty({1, 1, 3 * shape.heads * shape.head_dim});
    if (has_fused_attention(any)) add("fused", fused_attention);
  }
}

}  // namespace cl
