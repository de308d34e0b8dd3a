// What a ViT-B/16 and a vit_mini make of the machine: forward passes and steps of training, beside
// the product of two large matrices.
//
// Counter `flops` is of the operations that core/nn/flops.h counts, so its quotient with that of
// "gemm" is the share of the machine's peak that is put to use.
#include <string>
#include <vector>

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
constexpr int64_t kTail = 9;  // first of the last three
constexpr int kThreads = 2;

const std::string kBase = "vit_base_patch16_224", kMini = "vit_mini";

std::unique_ptr<Backbone> vit(const std::string& preset) {
  const std::string choice = "vit: {preset: " + preset + ", weights: random}";
  return Backbones::get().make(config::Node::parse(choice, "bench"),
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
  const auto network = vit(kBase);
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

/// A step of training without its optimiser: forward and backward through the blocks from `first`
/// on, with an adapter of width 16 in each, or of all weights.
struct Step {
  std::string preset;
  int64_t first = 0;
  bool trains_all = false;
  Recompute recompute = Recompute::kNone;
  int threads = kThreads;
};

void train(benchmark::State& state, const Step& step) {
  apply_to_this_thread({.intra_op_threads = step.threads});
  const auto network = vit(step.preset);
  const BackboneInfo& info = network->info();
  set_trainable(*network, step.trains_all);
  network->recompute(step.recompute);
  AdapterHooks adapters(config::Node::parse("parallel: {bottleneck: 16}", "bench"), step.first,
                        step.trains_all ? step.first : info.depth,
                        adapter_parts(info, RngKey(3), at::kCPU));
  set_trainable(adapters, true);
  std::vector<Tensor> trained = trainable_parameters(*network);
  for (const Tensor& parameter : parameters(adapters)) trained.push_back(parameter);
  const Tensor tokens =
      init::normal({kBatch, info.num_tokens, info.dim}, 0, 1, RngKey(4), at::kCPU);
  const GradMode recording(true);
  const auto pass = [&] {
    const Tensor features =
        network->pool(network->norm(network->blocks(tokens, step.first, info.depth, adapters)));
    features.square().mean().backward();
    for (Tensor& parameter : trained) parameter.mutable_grad() = Tensor();
  };
  const auto [forward, backward] = flops_of(pass);
  for (auto _ : state) pass();
  report(state, forward + backward);
  apply_to_this_thread({.intra_op_threads = kThreads});
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
  const auto add_step = [&](const char* name, const Step& step) {
    add(name, [step](benchmark::State& state) { train(state, step); });
  };
  add_step("vit_base/step/last_three_blocks", {.preset = kBase, .first = kTail});
  add_step("vit_base/step/all_blocks", {.preset = kBase});
  add_step("vit_base/step/recompute_auto", {.preset = kBase, .recompute = Recompute::kAuto});
  add_step("vit_base/step/recompute_all", {.preset = kBase, .recompute = Recompute::kAll});
  add_step("vit_mini/step/adapters", {.preset = kMini, .threads = 1});
  add_step("vit_mini/step/all_weights", {.preset = kMini, .trains_all = true, .threads = 1});
}

}  // namespace cl
