// What an exception says to a person.
#pragma once

#include <exception>
#include <string>

namespace cl::experiments {

/// The message; of LibTorch's errors without the trace of calls that it carries along.
[[nodiscard]] std::string explain(const std::exception& error);

}  // namespace cl::experiments
