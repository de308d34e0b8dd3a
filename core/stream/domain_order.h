// Which domains of a source appear, and in which order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/rng.h"
#include "core/config/fields.h"
#include "core/stream/image_source.h"

namespace cl {

/// Options that a stream shows among its own.
struct DomainOrder {
  std::vector<std::string> domains;
  std::string domain_order = "natural";

  void fields(config::Fields& fields);
  void check(const config::Node& node) const;
  /// Positions among the source's domain names.
  /// @param key  of the random order
  /// @throws Error if the source has no domains, or none of a name in `domains`
  [[nodiscard]] std::vector<int64_t> choose(const ImageSourceInfo& source, const RngKey& key) const;
};

}  // namespace cl
