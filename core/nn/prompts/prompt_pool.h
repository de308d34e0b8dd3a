// A pool of prompts that samples choose from by the similarity of their features to the prompts'
// keys.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include "core/base/rng.h"
#include "core/weights/tensor_visitor.h"

namespace cl {

struct PromptPoolSize {
  int64_t prompts = 10;       // M
  int64_t prompt_tokens = 5;  // P
  int64_t dim = 0;            // of a token, a key and a query
  int64_t chosen = 5;         // k, at most M
};

/// Who chooses: each sample by itself, or all samples of a batch the k prompts that were chosen
/// most often in it.
enum class PromptVote { kSample, kBatch };

struct ChosenPrompts {
  Tensor tokens;      // [N, k * P, dim], most similar (or most often chosen) prompt first
  Tensor indices;     // [N, k] int64
  Tensor similarity;  // [N] cosine of query and key, summed over the k chosen prompts
};

/// @source Wang et al. 2022, "Learning to Prompt for Continual Learning", sec. 4.1
class PromptPool {
 public:
  /// Prompts and keys from U(-1, 1), trainable.
  PromptPool(const PromptPoolSize& size, const RngKey& key, c10::Device device);

  /// Ties go to the lower index. Gradients reach the chosen prompts and keys.
  /// @param query  [N, dim] features
  [[nodiscard]] ChosenPrompts choose(const Tensor& query, PromptVote vote) const;
  /// Prompt `index` alone for every sample, whatever its query.
  [[nodiscard]] ChosenPrompts take(const Tensor& query, int64_t index) const;
  /// Gives prompt `to` the values of prompt `from`; its key stays.
  void copy_prompt(int64_t from, int64_t to);
  void tensors(TensorVisitor& visitor);

 private:
  [[nodiscard]] Tensor cosine(const Tensor& query) const;  // [N, M]
  [[nodiscard]] ChosenPrompts chosen(const Tensor& cosine, const Tensor& indices) const;

  PromptPoolSize size_;
  Tensor prompts_;  // [M, P, dim]
  Tensor keys_;     // [M, dim]
};

}  // namespace cl
