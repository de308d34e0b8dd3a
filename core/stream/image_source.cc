#include "core/stream/image_source.h"

namespace cl {

std::string_view name(Split split) {
  return split == Split::kTrain ? "train" : "test";
}

}  // namespace cl
