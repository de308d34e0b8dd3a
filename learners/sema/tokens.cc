#include "learners/sema/tokens.h"

#include <utility>

#include "core/nn/threads.h"

namespace cl::sema {

namespace {
constexpr int64_t kBytesPerMib = 1 << 20;
}

Tokens::Tokens(const Options& options, const Network& network, Backbone& backbone,
               c10::Device device, TokenSharing sharing)
    : options_(options),
      network_(network),
      device_(device),
      frozen_(backbone, device, options.cache_mib * kBytesPerMib, std::move(sharing)) {}

Tensor Tokens::entering(const Samples& samples, std::span<const int64_t> rows, const View& view) {
  const GradMode no_gradients(false);
  // Below the first expandable block nothing draws at random, hence the empty pass.
  const ForwardPass pass;
  NetworkHooks hooks(network_, pass);
  // Cheap embeddings are not worth remembering.
  if (block_ == 0) return network_.backbone().embed(samples.fetch(rows, view).to(device_));
  return frozen_.tokens(samples, rows, view, block_, hooks);
}

void Tokens::settle() {
  block_ = options_.expansion == "never" ? network_.depth() : network_.expandable().first;
  frozen_.forget();
}

void Tokens::unsettle() {
  block_ = 0;
  frozen_.forget();
}

}  // namespace cl::sema
