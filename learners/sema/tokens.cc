#include "learners/sema/tokens.h"

#include <utility>

#include "core/base/check.h"
#include "core/nn/threads.h"
#include "learners/sema/mixture.h"

namespace cl::sema {

Tokens::Tokens(const Options& options, const Network& network, Backbone& backbone,
               c10::Device device, FrozenWork work, FrozenHooks hooks)
    : options_(options),
      network_(network),
      device_(device),
      frozen_(backbone, device, std::move(work), std::move(hooks)) {}

Tensor Tokens::entering(const Samples& samples, std::span<const int64_t> rows, const View& view) {
  const GradMode no_gradients(false);
  // Below the first expandable block nothing draws at random, hence the empty pass.
  const ForwardPass pass;
  NetworkHooks hooks(network_, pass);
  return frozen_.tokens(samples, rows, view, block_, hooks);
}

bool Tokens::has_features() const {
  return all_rest_ && !is_random(options_.mixture);
}

Tensor Tokens::features(const Samples& samples, std::span<const int64_t> rows, const View& view) {
  CL_CHECK(has_features());
  const GradMode no_gradients(false);
  const ForwardPass pass;
  NetworkHooks hooks(network_, pass);
  return frozen_.features(samples, rows, view, hooks);
}

void Tokens::settle() {
  block_ = options_.expansion == "never" ? network_.depth() : network_.expandable().first;
  all_rest_ = true;
  frozen_.go_on_from(block_);
}

void Tokens::unsettle(int64_t layer) {
  all_rest_ = false;
  if (layer < block_) block_ = 0;
  frozen_.forget(layer);
}

}  // namespace cl::sema
