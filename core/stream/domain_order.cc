#include "core/stream/domain_order.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/config/read.h"

namespace cl {
namespace {

constexpr std::array<std::string_view, 2> kDomainOrders{"natural", "random"};

int64_t place_of(const std::string& domain, const std::vector<std::string>& names) {
  const auto found = std::find(names.begin(), names.end(), domain);
  if (found == names.end()) {
    throw Error(fmt::format("domains: the source has no domain '{}'{}", domain,
                            config::did_you_mean(domain, names)));
  }
  return found - names.begin();
}

}  // namespace

void DomainOrder::fields(config::Fields& fields) {
  fields.field("domains", domains, "names of the source's domains; empty: all of them");
  fields.field("domain_order", domain_order,
               "natural: as in domains, or as the source has them; random: from the stream's seed",
               kDomainOrders);
}

void DomainOrder::check(const config::Node& node) const {
  std::vector<std::string> sorted = domains;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice == sorted.end()) return;
  node.at_or_null("domains").fail(fmt::format("domain '{}' is named twice", *twice));
}

std::vector<int64_t> DomainOrder::choose(const ImageSourceInfo& source, const RngKey& key) const {
  const std::vector<std::string>& names = source.domain_names;
  if (names.empty()) {
    throw Error(
        "the source has no domains; expected images of several styles, hands or places: choose "
        "a source that has them, such as 'emoji', or the stream 'shifted_images', which makes "
        "domains of any images");
  }
  std::vector<int64_t> places;
  for (const std::string& domain : domains) places.push_back(place_of(domain, names));
  if (domains.empty()) {
    places.resize(names.size());
    std::iota(places.begin(), places.end(), 0);
  }
  if (domain_order == "natural") return places;
  std::vector<int64_t> shuffled;
  for (const int64_t i : permutation(key, static_cast<int64_t>(places.size()))) {
    shuffled.push_back(places[static_cast<size_t>(i)]);
  }
  return shuffled;
}

}  // namespace cl
