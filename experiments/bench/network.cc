// What a ViT-B/16 makes of the machine: its forward pass and the training of its last blocks,
// beside the product of two large matrices.
//
// Counter `flops` is of the operations that core/nn/flops.h counts, so its quotient with that of
// "gemm" is the share of the machine's peak that is put to use.
#include <ATen/core/Tensor.h>
#include <benchmark/benchmark.h>

#include "core/base/rng.h"
#include "core/nn/adapters/adapter_hooks.h"
#include "core/nn/backbone.h"
#include "core/nn/flops.h"
#include "core/nn/init.h"
#include "core/nn/precision.h"
#include "core/nn/threads.h"
#include "core/weights/state.h"
#include "experiments/bench/benchmarks.h"
#include "experiments/gemm_peak.h"

namespace cl {
namespace {

constexpr int64_t kBatch = 32;
constexpr int64_t kTail = 9;  // first block that trains
constexpr int kThreads = 2;

std::unique_ptr<Backbone> vit_base() {
  return Backbones::get().make(
      config::Node::parse("vit: {preset: vit_base_patch16_224, weights: random}", "bench"),
      {.key = RngKey(1), .device = at::kCPU});
}

/// @param flops  of a batch
void report(benchmark::State& state, double flops) {
  state.counters["flops"] =
      benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
  state.SetItemsProcessed(state.iterations() * kBatch);
}

void gemm(benchmark::State& state, bool bfloat16) {
  double best = 0;
  for (auto _ : state) best = std::max(best, experiments::gemm_peak(bfloat16));
  state.counters["flops"] = best;
}

void forward(benchmark::State& state, bool bfloat16) {
  const auto network = vit_base();
  const Tensor images = init::uniform({kBatch, 3, 224, 224}, 0, 1, RngKey(2), at::kCPU);
  Hooks none;
  const GradMode no_gradients(false);
  const auto pass = [&] {
    const Bfloat16Scope precision(bfloat16);
    benchmark::DoNotOptimize(network->forward(images, none).data_ptr());
  };
  const double flops =
      flops_of(pass).forward;  // the first one also gets its memory from the system
  for (auto _ : state) pass();
  report(state, flops);
}

/// Forward and backward through the blocks from kTail on, an adapter of width 16 in each.
void tail(benchmark::State& state) {
  const auto network = vit_base();
  const BackboneInfo& info = network->info();
  set_trainable(*network, false);
  AdapterHooks adapters(config::Node::parse("parallel: {bottleneck: 16}", "bench"), kTail,
                        info.depth, adapter_parts(info, RngKey(3), at::kCPU));
  set_trainable(adapters, true);
  const Tensor tokens =
      init::normal({kBatch, info.num_tokens, info.dim}, 0, 1, RngKey(4), at::kCPU);
  const GradMode recording(true);
  const auto step = [&] {
    const Tensor features =
        network->pool(network->norm(network->blocks(tokens, kTail, info.depth, adapters)));
    features.square().mean().backward();
    for (Tensor& parameter : parameters(adapters)) {
      parameter.mutable_grad() = Tensor();
    }
  };
  const auto [forward, backward] = flops_of(step);
  for (auto _ : state) step();
  report(state, forward + backward);
}

}  // namespace

void add_network() {
  const auto add = [](const char* name, const auto& body) {
    benchmark::RegisterBenchmark(name, body)->Unit(benchmark::kMillisecond)->UseRealTime();
  };
  apply({.intra_op_threads = kThreads});
  add("gemm/float32", [](benchmark::State& state) { gemm(state, false); });
  add("gemm/bfloat16", [](benchmark::State& state) { gemm(state, true); });
  add("vit_base/forward/float32", [](benchmark::State& state) { forward(state, false); });
  add("vit_base/forward/bfloat16", [](benchmark::State& state) { forward(state, true); });
  add("vit_base/tail_step", [](benchmark::State& state) { tail(state); });
}

}  // namespace cl
