#include "learners/sema/descriptor.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/leaky_relu.h>

namespace cl::sema {

Descriptor::Descriptor(const Options& options, int64_t dim, const RngKey& key, c10::Device device)
    : encoder(make_linear_zero_bias(dim, options.descriptor_dim, key.child("encoder"), device)),
      decoder(make_linear_zero_bias(options.descriptor_dim, dim, key.child("decoder"), device)),
      statistics(options.statistics_window),
      leaky_encoder_(options.descriptor_activation != "none"),
      leaky_decoder_(options.descriptor_activation == "leaky_relu_both"),
      sum_(options.reconstruction == "sum"),
      absolute_(options.zscore == "absolute") {}

Tensor Descriptor::errors(const Tensor& pooled) const {
  const Tensor target = pooled.detach();
  Tensor code = encoder(target);
  if (leaky_encoder_) code = at::leaky_relu(code);
  Tensor decoded = decoder(code);
  if (leaky_decoder_) decoded = at::leaky_relu(decoded);
  const Tensor squares = (decoded - target).square();
  return sum_ ? squares.sum(-1) : squares.mean(-1);
}

Tensor Descriptor::zscores(const Tensor& pooled) const {
  const Tensor scores = statistics.zscores(errors(pooled));
  return absolute_ ? scores.abs() : scores;
}

void Descriptor::tensors(TensorVisitor& visitor) {
  visitor.child("encoder", encoder);
  visitor.child("decoder", decoder);
  visitor.child("statistics", statistics);
}

}  // namespace cl::sema
