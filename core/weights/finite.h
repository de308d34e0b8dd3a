// Values that no network can compute with are refused where they come from, not where they surface.
#pragma once

#include <string_view>

#include "core/weights/state.h"

namespace cl {

/// @throws Error unless all values are finite once they are single precision (which is the type of
/// every network here): the message opens with `origin` (a file) and names the tensors, each with
/// the number of such values. Tensors of whole numbers are passed over.
void require_finite(const State& state, std::string_view origin);

}  // namespace cl
