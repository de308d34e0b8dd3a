// What of a pre-trained network is trained: all of it, or a few numbers beside it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <c10/core/Device.h>

#include "core/base/rng.h"
#include "core/config/registry.h"
#include "core/nn/backbone.h"
#include "core/nn/hooks.h"
#include "core/weights/tensor_visitor.h"

namespace cl {

struct TunerParts {
  Backbone& backbone;  // outlives the tuner
  RngKey key;
  c10::Device device;
};

/// Acts in every pass through its backbone, as hooks. Trainable when new, and changing nothing or
/// next to nothing.
class Tuner {
 public:
  static constexpr std::string_view kKind = "tuner";
  using Parts = TunerParts;
  struct Traits {
    bool trains_backbone = false;  // the weights themselves; `tensors` leaves them to the owner
  };

  virtual ~Tuner() = default;
  /// To be present in every pass.
  [[nodiscard]] virtual Hooks& hooks() = 0;
  /// First block that computes other than in the plain network; the depth where none does.
  [[nodiscard]] virtual int64_t first_block() const = 0;
  /// Adapters in each block, [depth]; empty where it has none.
  [[nodiscard]] virtual std::vector<int64_t> adapters_per_block() const { return {}; }
  /// Of its adapters, where it has some: see Adapter.
  virtual void draw_from(const std::optional<RngKey>& /*pass*/) {}
  virtual void merge_experts(const RngKey& /*key*/) {}
  /// What it adds to the backbone.
  virtual void tensors(TensorVisitor& visitor) = 0;
};

using Tuners = Registry<Tuner>;
template <class T>
using RegisterTuner = Register<Tuner, T>;

}  // namespace cl
