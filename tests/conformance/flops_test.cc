// Every plug-in's operations are counted, as LibTorch does them.
#include "core/nn/flops.h"

#include <set>
#include <string>

#include "core/nn/adapters/adapter_hooks.h"
#include "core/nn/heads/head.h"
#include "core/nn/init.h"
#include "core/nn/tuners/tuner.h"
#include "tests/conformance/world.h"
#include "tests/support/product_witness.h"

namespace cl::conformance {
namespace {

Tensor images() {
  return init::normal({4, 3, 8, 8}, 0.5, 0.2, RngKey(2), at::kCPU);
}

/// What these compute besides products: triangular systems, which LibTorch does not call so, and
/// merged or orthogonal weights, which are not counted.
const std::set<std::string> kInPart{"fecam", "coda_prompt", "rmm"};

}  // namespace

TEST_CASE("what adapters, tuners and heads compute is counted", "[conformance][flops]") {
  const Tensor x = images();
  for (const auto& entry : Adapters::get().entries()) {
    INFO("adapter " << entry->name);
    const auto backbone = testing::make_tiny();
    set_trainable(*backbone, false);
    AdapterHooks adapters(config::Node::of(entry->name), 0, backbone->info().depth,
                          adapter_parts(backbone->info(), RngKey(3), at::kCPU));
    adapters.draw_from(RngKey(4));
    testing::check_counted([&] { return backbone->forward(x, adapters); });
  }
  for (const auto& entry : Tuners::get().entries()) {
    INFO("tuner " << entry->name);
    const auto backbone = testing::make_tiny();
    set_trainable(*backbone, entry->traits.trains_backbone);
    const auto tuner = entry->make(config::Node(), {*backbone, RngKey(3), at::kCPU});
    const Tensor own = x.clone().set_requires_grad(true);  // so that there is a gradient to ask for
    testing::check_counted([&] { return backbone->forward(own, tuner->hooks()); });
  }
  for (const auto& entry : Heads::get().entries()) {
    INFO("head " << entry->name);
    const auto head = entry->make(
        config::Node(), {.dim = 5, .num_classes = 3, .key = RngKey(1), .device = at::kCPU});
    const Tensor features = init::normal({4, 5}, 0, 1, RngKey(2), at::kCPU);
    testing::check_counted([&] { return head->logits(features); });
  }
}

TEST_CASE("what a learner computes is counted", "[conformance][flops]") {
  for (const auto& entry : Learners::get().entries()) {
    INFO(entry->name);
    const auto stream = blobs(7, /*train_per_class=*/16);
    Run run(*entry, *stream);
    double done = 0;
    {
      const testing::ProductWitness witness;
      run.conduct();
      done = witness.flops();
    }
    double counted = 0;
    for (const auto& [kind, by_experience] : run.record.flops) {
      for (const double flops : by_experience) counted += flops;
    }
    if (kInPart.contains(entry->name)) {
      CHECK(counted == Approx(done).epsilon(0.02));
    } else {
      CHECK(counted == done);
    }
  }
}

}  // namespace cl::conformance
