#include "learners/sema/block.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <fmt/format.h>

#include "core/base/check.h"
#include "core/base/error.h"
#include "core/nn/threads.h"
#include "core/weights/state.h"
#include "learners/sema/mixture.h"

namespace cl::sema {

void Module::tensors(TensorVisitor& visitor) {
  visitor.child("functional", *functional);
  if (descriptor) visitor.child("descriptor", *descriptor);
}

Block::Block(const Options& options, BlockParts parts)
    : options_(options),
      parts_(parts),
      router_(parts_.own.dim, options.router_bias, parts_.own.key.child("router").child(0),
              parts_.own.device) {
  modules_.push_back(make_module());
  const size_t num_sites = modules_.front().functional->sites().size();
  if (num_sites != 1) {
    throw Error(
        fmt::format("learner.sema.adapter: a router mixes what is added at one site, but '{}' acts "
                    "at {}; choose another adapter, or options with a single site",
                    config::choice(options.adapter).name, num_sites));
  }
}

Module Block::make_module() const {
  const auto k = static_cast<uint64_t>(modules_.size());
  Module module;
  AdapterParts own = parts_.own;
  own.key = own.key.child("adapter").child(k);
  module.functional = Adapters::get().make(options_.adapter, own);
  set_trainable(*module.functional, true);
  if (parts_.expandable) {
    module.descriptor.emplace(options_, parts_.own.dim, parts_.own.key.child("descriptor").child(k),
                              parts_.own.device);
    set_trainable(*module.descriptor, true);
  }
  return module;
}

void Block::add_adapter() {
  CL_CHECK(parts_.expandable && !has_new(), "block {} cannot grow now", parts_.layer);
  router_.add_column(parts_.own.key.child("router").child(modules_.size()));
  modules_.push_back(make_module());
}

void Block::freeze() {
  for (Module& module : modules_) {
    set_trainable(module, false);
    if (module.descriptor) module.descriptor->statistics.freeze();
    module.is_new = false;
  }
  router_.freeze();
}

void Block::observe(const Tensor& pooled) {
  const GradMode no_gradients(false);
  for (Module& module : modules_) {
    if (module.is_new) module.descriptor->statistics.add(module.descriptor->errors(pooled));
  }
}

Tensor Block::delta(const SiteCall& call, const Tensor& out, const ForwardPass& pass) const {
  if (!parts_.expandable) return modules_.back().functional->delta(call, out);
  // Only a router in training needs the constant weight 1 of a single adapter: its gradient is a
  // zero tensor, so that weight decay applies.
  const bool is_trivial = num_adapters() == 1 && !(pass.training && has_new());
  if (is_trivial && !pass.at_pooled && !pass.at_weights) {
    return modules_.back().functional->delta(call, out);
  }
  const Tensor& seen = options_.descriptor_input == "pre_ln2" ? call.stream : call.input;
  const Tensor pooled = options_.pooling == "mean" ? seen.mean(1) : seen.select(1, 0);
  if (pass.at_pooled) pass.at_pooled(parts_.layer, pooled);
  const Tensor shares = is_trivial ? at::ones({pooled.size(0), 1}, pooled.options())
                                   : weights(pooled, pass);  // [N, K]
  if (pass.at_weights) pass.at_weights(parts_.layer, shares);
  if (is_trivial) return modules_.back().functional->delta(call, out);
  Tensor sum;
  for (int64_t k = 0; k < num_adapters(); ++k) {
    const Tensor share = shares.select(1, k).view({-1, 1, 1});
    const Tensor part = share * modules_[static_cast<size_t>(k)].functional->delta(call, out);
    sum = sum.defined() ? sum + part : part;
  }
  return sum;
}

// The rivals of soft routing are those of the paper's ablation; where it leaves a choice open:
// "random" draws uniform numbers and divides by their sum, a selection has weight 1, "top1" lends
// its choice the gradient of the soft shares, since the choice itself has none (straight-through
// estimate, Bengio et al. 2013), and "descriptor" takes the smallest error ("descriptor_zscore" the
// smallest z-score), except that a block with an adapter in training uses that one, whose
// descriptor knows nothing yet.
Tensor Block::weights(const Tensor& pooled, const ForwardPass& pass) const {
  const std::string& mixture = options_.mixture;
  const int64_t num_samples = pooled.size(0);
  const int64_t size = num_adapters();
  if (mixture == "average") {
    return at::full({num_samples, size}, 1.0 / static_cast<double>(size), pooled.options());
  }
  if (is_random(mixture)) {
    const Tensor scores = random_scores(pass, parts_.layer, size).to(pooled.device());
    return mixture == "random" ? scores / scores.sum(1, true) : one_hot_of_largest(scores);
  }
  if (mixture == "descriptor" || mixture == "descriptor_zscore") return best_known(pooled);
  const Tensor logits = router_.logits(pooled);
  Tensor soft = logits.softmax(1);
  const bool is_hard = mixture == "top1" || (mixture == "top1_inference" && !pass.training);
  if (!is_hard) return soft;
  return one_hot_of_largest(logits) + (soft - soft.detach());  // the difference is exactly zero
}

Tensor Block::best_known(const Tensor& pooled) const {
  const bool by_zscore = options_.mixture == "descriptor_zscore";
  std::vector<Tensor> scores;
  for (const Module& module : modules_) {
    if (module.is_new) {
      scores.push_back(at::full({pooled.size(0)}, HUGE_VAL, pooled.options()));
    } else {
      scores.push_back(by_zscore ? -module.descriptor->zscores(pooled)
                                 : -module.descriptor->errors(pooled));
    }
  }
  return one_hot_of_largest(at::stack(scores, 1));
}

void Block::tensors(TensorVisitor& visitor) {
  visitor.children("modules", modules_);
  visitor.child("router", router_);
}

}  // namespace cl::sema
