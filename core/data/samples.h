// What models are fed: samples without labels, and data sets, which add them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <ATen/core/Tensor.h>

#include "core/base/check.h"
#include "core/base/rng.h"

namespace cl {

using at::Tensor;

/// How samples are looked at: with the test transform, or with the training transform drawn from a
/// key. A sample's random choices come from `augment->child(row)`, so they depend neither on the
/// batch nor on the thread.
struct View {
  std::optional<RngKey> augment;
  /// Which one it is of the training views that will be asked for again, in turn: those are worth
  /// remembering. Unset: this one will not.
  std::optional<int64_t> turn = std::nullopt;

  static View test() { return {}; }
  static View train(const RngKey& key) { return {key}; }
  static View recurring(const RngKey& key, int64_t turn) { return {key, turn}; }
};

/// Who says what will be asked for next: a loop over batches, or what computes pieces of a set to
/// remember them.
enum class Announcer { kBatches, kPieces };
constexpr size_t kNumAnnouncers = 2;

/// Samples by index, labels out of sight. Immutable, random access, shared across threads.
class Samples {
 public:
  virtual ~Samples() = default;

  [[nodiscard]] virtual int64_t size() const = 0;
  /// The samples `rows` as x [N, ...sample] float on the CPU.
  /// @throws Error naming the file if a sample cannot be read
  [[nodiscard]] virtual Tensor fetch(std::span<const int64_t> rows, const View& view) const = 0;
  /// Digest of content and transforms: equal ids mean equal `fetch` for equal arguments.
  [[nodiscard]] virtual const std::string& id() const = 0;
  /// Whether training views differ from the test view and from each other; where not, `fetch`
  /// ignores the key.
  [[nodiscard]] virtual bool augments() const = 0;
  /// Training views of samples that were fetched under the test view, from this set or another of
  /// its stream: x [N, ...sample], sample i by `augment.child(i)`. What the test transform cut away
  /// stays away. The same as x where nothing augments.
  /// @throws Error where the transform does not allow it
  [[nodiscard]] virtual Tensor augmented(const Tensor& x, const RngKey& /*augment*/) const {
    CL_CHECK(!augments(), "samples of this kind cannot be augmented anew");
    return x;
  }
  /// A hint: these may be the next that this announcer's caller fetches. Most samples ignore it.
  virtual void expect(std::span<const int64_t> /*rows*/, const View& /*view*/,
                      Announcer /*announcer*/) const {}
};

/// Samples with their labels.
class Dataset : public Samples {
 public:
  /// labels [size()] int64: class ids of the stream (positions in the class order).
  [[nodiscard]] virtual const Tensor& labels() const = 0;
};

using DatasetPtr = std::shared_ptr<const Dataset>;

}  // namespace cl
