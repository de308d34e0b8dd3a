// Samples that a learner keeps of earlier experiences, and the ways to choose them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include "core/base/rng.h"
#include "core/config/fields.h"
#include "core/data/samples.h"
#include "core/weights/tensor_visitor.h"

namespace cl {

/// A fixed number of places for samples with their labels and, if asked for, logits; filled from
/// the first place on. All memory it will ever need is there from the start, on the CPU, and its
/// shape does not change. It holds samples themselves: data sets end with their experience.
class ReplayBuffer {
 public:
  struct Batch {
    Tensor x;       // [N, ...sample] float
    Tensor labels;  // [N] int64
    Tensor logits;  // [N, num_logits] float
  };

  /// How samples are looked at anew that were kept under their test view.
  struct Anew {
    const Samples& data;  // whose transform augments them
    RngKey key;
  };

  /// @param num_logits  kept with each sample; 0: none
  ReplayBuffer(int64_t capacity, const std::vector<int64_t>& sample_shape, int64_t num_logits = 0);

  [[nodiscard]] int64_t capacity() const { return labels_.size(0); }
  [[nodiscard]] int64_t size() const { return size_.item<int64_t>(); }
  /// Of the samples it holds and of what is kept with them.
  [[nodiscard]] int64_t bytes() const;
  /// Of places 0 to size - 1.
  [[nodiscard]] std::vector<int64_t> labels() const;
  /// What is in `places`, on `device`. @param anew  nothing: as they were kept
  [[nodiscard]] Batch at(std::span<const int64_t> places, c10::Device device,
                         const std::optional<Anew>& anew = std::nullopt) const;
  /// What is in up to `count` different places, each choice of them as likely as another.
  [[nodiscard]] Batch draw(int64_t count, const RngKey& key, c10::Device device,
                           const std::optional<Anew>& anew = std::nullopt) const;

  /// Replaces what is in `places`, which differ from each other; those beyond the end must close up
  /// to it.
  void put(std::span<const int64_t> places, const Batch& batch);
  /// Keeps what is in `places`, in that order, and nothing else; takes hardly any more memory.
  void keep(std::span<const int64_t> places);

  void tensors(TensorVisitor& visitor);

 private:
  Tensor x_, labels_, logits_;  // [capacity, ...]
  Tensor size_;                 // int64
};

/// The option that learners with a buffer share.
inline void augment_replay_field(config::Fields& fields, bool& augment_replay) {
  fields.field("augment_replay", augment_replay,
               "whether kept samples are augmented anew each time, where the stream augments");
}
/// @param wanted  that option
[[nodiscard]] inline std::optional<ReplayBuffer::Anew> anew(bool wanted, const Samples& data,
                                                            const RngKey& key) {
  if (!wanted) return std::nullopt;
  return ReplayBuffer::Anew{data, key};
}

/// A buffer in which each of the samples offered so far is as likely to be as any other.
/// @source Vitter 1985, "Random Sampling with a Reservoir", algorithm R
class Reservoir {
 public:
  /// @param key  of all its choices
  Reservoir(ReplayBuffer buffer, const RngKey& key);

  [[nodiscard]] const ReplayBuffer& buffer() const { return buffer_; }
  /// Offers the test views of `rows`, in their order.
  /// @param logits  [N, num_logits] to keep with them, where the buffer has room for logits
  void offer(const Dataset& data, std::span<const int64_t> rows, const Tensor& logits = {});

  void tensors(TensorVisitor& visitor);

 private:
  ReplayBuffer buffer_;
  RngKey key_;
  Tensor num_offered_;  // int64
};

/// Where a sample of class `label` goes in a greedily balanced buffer that holds `labels`: at the
/// end (labels.size()) while there is room, then in the place of a random sample of the largest
/// class; nowhere if its class has its share, capacity over the number of classes, already.
/// @source Prabhu et al. 2020, "GDumb", algorithm 1
[[nodiscard]] std::optional<int64_t> balanced_place(const std::vector<int64_t>& labels,
                                                    int64_t label, int64_t capacity,
                                                    const RngKey& key);

/// Up to `count` rows of `features` [N, dim], each chosen so that the mean of those up to it comes
/// closest to the mean of all.
/// @source Rebuffi et al. 2017, "iCaRL", algorithm 4
[[nodiscard]] std::vector<int64_t> herd(const Tensor& features, int64_t count);

}  // namespace cl
