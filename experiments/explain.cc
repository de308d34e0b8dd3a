#include "experiments/explain.h"

#include <c10/util/Exception.h>
#include <fmt/format.h>

namespace cl::experiments {

std::string explain(const std::exception& error) {
  const auto* torch = dynamic_cast<const c10::Error*>(&error);
  return torch ? fmt::format("LibTorch: {}", torch->what_without_backtrace()) : error.what();
}

}  // namespace cl::experiments
