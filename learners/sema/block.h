// The adapters of one backbone block and what decides between them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <c10/core/Device.h>

#include "core/nn/adapters/adapter.h"
#include "learners/sema/descriptor.h"
#include "learners/sema/forward_pass.h"
#include "learners/sema/options.h"
#include "learners/sema/router.h"

namespace cl::sema {

struct BlockParts {
  int64_t layer;     // 0-based
  bool expandable;   // with a descriptor for each adapter, and a router in use
  AdapterParts own;  // measures, key and device
};

/// An adapter and its descriptor ("modular adapter").
struct Module {
  std::unique_ptr<Adapter> functional;
  std::optional<Descriptor> descriptor;
  bool is_new = true;  // in training

  void tensors(TensorVisitor& visitor);
};

/// Starts with one adapter, all of it trainable.
class Block {
 public:
  /// @throws Error where the adapters act at more than one site, or at none
  Block(const Options& options, BlockParts parts);

  /// What is added to `out` at the adapters' site: the weighted sum over adapters where the block
  /// is expandable, the adapter's own delta elsewhere.
  [[nodiscard]] Tensor delta(const SiteCall& call, const Tensor& out,
                             const ForwardPass& pass) const;
  /// A trainable adapter, descriptor and router column beside the frozen ones.
  void add_adapter();
  /// Stops the training of everything here, for good.
  void freeze();

  /// The only one at which its adapters act.
  [[nodiscard]] Site site() const { return modules_.front().functional->sites().front(); }
  [[nodiscard]] bool expandable() const { return parts_.expandable; }
  [[nodiscard]] int64_t num_adapters() const { return static_cast<int64_t>(modules_.size()); }
  [[nodiscard]] bool has_new() const { return modules_.back().is_new; }
  [[nodiscard]] std::vector<Module>& modules() { return modules_; }
  [[nodiscard]] const std::vector<Module>& modules() const { return modules_; }
  [[nodiscard]] Router& router() { return router_; }
  /// Feeds the descriptors in training with a batch: pooled [N, dim].
  void observe(const Tensor& pooled);
  void tensors(TensorVisitor& visitor);

 private:
  Module make_module() const;
  Tensor weights(const Tensor& pooled, const ForwardPass& pass) const;
  Tensor best_known(const Tensor& pooled) const;

  const Options& options_;
  BlockParts parts_;
  std::vector<Module> modules_;  // in the order of their expansions
  Router router_;
};

}  // namespace cl::sema
