// A vision transformer small enough to train in milliseconds, registered as backbone `tiny`.
//
// Samples [3, 8, 8] become one CLS and four patch tokens of 16 numbers; blocks have two heads and
// an MLP twice as wide. It offers every site and takes prefixes, as real backbones do, but is
// written apart from them, so that it can stand witness for what methods assume of any backbone.
#pragma once

#include <memory>

#include "core/nn/backbone.h"

namespace cl::testing {

constexpr int64_t kTinyDim = 16;
constexpr int64_t kTinyTokens = 5;

/// A `tiny` of `depth` blocks with weights from RngKey(seed).
std::unique_ptr<Backbone> make_tiny(int64_t depth = 4, uint64_t seed = 1);

}  // namespace cl::testing
