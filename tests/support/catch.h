// The only way to Catch2: works with version 2 (one header) and 3, offering the names of both under
// those of 2.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)

#include <string>

#include <catch2/catch_all.hpp>

namespace cl {

using Catch::Approx;
using Catch::Matchers::EndsWith;
using Catch::Matchers::Equals;
using Catch::Matchers::StartsWith;

/// Matches a text that contains `part`; Catch2 3 gives the old name to a matcher of ranges.
inline auto Contains(const std::string& part) {
  return Catch::Matchers::ContainsSubstring(part);
}

}  // namespace cl

#else

#include <catch2/catch.hpp>

namespace cl {

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::Equals;
using Catch::Matchers::StartsWith;

}  // namespace cl

#endif
