// The optimisers of LibTorch behind a door of our own: their headers take 8 s to compile.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/train/fit.h"

namespace cl::train {

/// Changes parameters along their gradients. Parameters whose gradient is undefined stay as they
/// are; a gradient of zeros counts as one, so weight decay and momentum still act.
class Optimiser {
 public:
  virtual ~Optimiser() = default;
  /// Sets every group's learning rate to `lr` times the group's scale.
  virtual void set_learning_rate(double lr) = 0;
  /// Makes all gradients undefined.
  virtual void clear_gradients() = 0;
  virtual void step() = 0;
  /// Its momenta and step counts, for `load` into an optimiser made from equal groups.
  [[nodiscard]] virtual std::string save() const = 0;
  /// @throws Error if `state` was saved from other groups
  virtual void load(const std::string& state) = 0;
};

/// @throws InternalError for a parameter that does not require a gradient
std::unique_ptr<Optimiser> make_optimiser(const std::vector<ParameterGroup>& groups,
                                          const Options& options);

}  // namespace cl::train
