#include <fmt/format.h>

#include "core/base/error.h"
#include "core/data/decoders/decoders.h"

namespace cl {

void require_sane_size(int64_t width, int64_t height) {
  constexpr int64_t kMostPixels = int64_t{1} << 30;  // as OpenCV has it
  if (width >= 1 && height >= 1 && width <= kMostPixels / height) return;
  throw Error(fmt::format("its header tells of {} x {} pixels", width, height));
}

}  // namespace cl
