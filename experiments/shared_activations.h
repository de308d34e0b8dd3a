// The cache of activations that runs of one plan share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "core/features/activation_store.h"
#include "core/nn/threads.h"

namespace cl::experiments {

inline constexpr int64_t kDefaultCacheGib = 10;

/// The store in `folder` for what this program computes with `plan` on this machine.
[[nodiscard]] std::shared_ptr<ActivationStore> shared_activations(
    const std::filesystem::path& folder, int64_t gib, const ThreadPlan& plan);

}  // namespace cl::experiments
