// What a fuzz target consists of: a reader that is fed any bytes, and a few inputs to start from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cl::fuzz {

/// Reads `bytes`. Throwing an Error is the right answer to most of them; anything else that is
/// thrown, a crash or a sanitiser's report is a finding.
void read(std::string_view bytes);

/// Inputs that the reader accepts, or that end deep inside it.
std::vector<std::string> seeds();

}  // namespace cl::fuzz
