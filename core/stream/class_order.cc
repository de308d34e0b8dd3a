#include "core/stream/class_order.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <random>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/check.h"
#include "core/base/error.h"

namespace cl {
namespace {

constexpr std::array<std::string_view, 5> kClassOrders{"random", "natural", "numpy",
                                                       "numpy_inverse", "explicit"};
constexpr double kLargestSeed = 4294967295;  // numpy's legacy generator takes 32 bits

/// What keeps `order` from being a permutation of 0..size-1; empty if nothing does.
std::string fault(const std::vector<int64_t>& order) {
  const auto size = static_cast<int64_t>(order.size());
  std::vector<int64_t> outside, twice, missing;
  std::vector<int64_t> times(order.size(), 0);
  for (const int64_t c : order) {
    if (c < 0 || c >= size) {
      outside.push_back(c);
    } else if (++times[static_cast<size_t>(c)] == 2) {
      twice.push_back(c);
    }
  }
  for (int64_t c = 0; c < size; ++c) {
    if (times[static_cast<size_t>(c)] == 0) missing.push_back(c);
  }
  std::vector<std::string> parts;
  const auto tell = [&](const std::vector<int64_t>& classes, std::string_view what) {
    if (!classes.empty()) parts.push_back(fmt::format("{} {}", fmt::join(classes, ", "), what));
  };
  tell(missing, "missing");
  tell(twice, "given more than once");
  tell(outside, "out of range");
  return fmt::format("{}", fmt::join(parts, "; "));
}

/// Where each number stands in a permutation.
std::vector<int64_t> inverse(const std::vector<int64_t>& permutation) {
  std::vector<int64_t> places(permutation.size());
  for (size_t i = 0; i < permutation.size(); ++i) {
    places[static_cast<size_t>(permutation[i])] = static_cast<int64_t>(i);
  }
  return places;
}

}  // namespace

std::vector<int64_t> numpy_permutation(uint32_t seed, int64_t size) {
  CL_CHECK(size >= 0 && size <= static_cast<int64_t>(kLargestSeed));
  std::vector<int64_t> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  std::mt19937 engine(seed);
  for (size_t i = order.size(); i-- > 1;) {
    // Masked rejection: the low bits of as many draws as it takes to get one in [0, i].
    const auto mask = static_cast<uint32_t>((uint64_t{1} << std::bit_width(i)) - 1);
    uint32_t j = static_cast<uint32_t>(engine()) & mask;
    while (j > i) j = static_cast<uint32_t>(engine()) & mask;
    std::swap(order[i], order[j]);
  }
  return order;
}

void ClassOrder::fields(config::Fields& fields) {
  fields.field("class_order", class_order,
               "random: from the stream's seed; natural: the source's own; numpy: its legacy "
               "permutation of order_seed is the order, a class's label its place there (PyCIL, "
               "PILOT); numpy_inverse: class c gets label permutation[c] (Mammoth's "
               "permute_classes); explicit: as in order",
               kClassOrders);
  fields.field("order_seed", order_seed, "seed of the two numpy orders", {0, kLargestSeed});
  fields.field("order", order, "the source's class numbers, for the explicit order");
}

void ClassOrder::check(const config::Node& node) const {
  const config::Node here = node.at_or_null("order");
  if (class_order == "explicit" && order.empty()) {
    here.fail("missing; class_order 'explicit' needs the list of class numbers");
  }
  if (class_order != "explicit" && !order.empty()) {
    here.fail(fmt::format("only used with class_order 'explicit', found '{}'", class_order));
  }
  if (const std::string problem = fault(order); !problem.empty()) {
    here.fail(fmt::format("expected each of 0 to {} once, found {}", order.size() - 1, problem));
  }
}

void ClassOrder::check_size(const config::Node& node, int64_t num_classes,
                            std::string_view source) const {
  const auto listed = static_cast<int64_t>(order.size());
  if (listed == 0 || listed == num_classes) return;
  node.at_or_null("order").fail(
      fmt::format("expected all {} class numbers of '{}', found {}", num_classes, source, listed));
}

std::vector<int64_t> ClassOrder::classes(int64_t num_classes, const RngKey& key) const {
  if (class_order == "random") return permutation(key, num_classes);
  if (class_order == "numpy") {
    return numpy_permutation(static_cast<uint32_t>(order_seed), num_classes);
  }
  if (class_order == "numpy_inverse") {
    return inverse(numpy_permutation(static_cast<uint32_t>(order_seed), num_classes));
  }
  if (class_order == "explicit") {
    if (static_cast<int64_t>(order.size()) != num_classes) {
      throw Error(fmt::format("order: expected all {} class numbers of the source, found {}",
                              num_classes, order.size()));
    }
    CL_CHECK(fault(order).empty());
    return order;
  }
  CL_CHECK(class_order == "natural", "class order '{}'", class_order);
  std::vector<int64_t> natural(static_cast<size_t>(num_classes));
  std::iota(natural.begin(), natural.end(), 0);
  return natural;
}

void ClassIncrements::fields(config::Fields& fields) {
  fields.field("init_classes", init_classes,
               "classes of the first experience; 0: as increment (\"B0\")", {0, HUGE_VAL});
  fields.field("increment", increment, "classes of each later experience; 0: as init_classes",
               {0, HUGE_VAL});
}

void ClassIncrements::check(const config::Node& node) const {
  if (init_classes == 0 && increment == 0) {
    node.at_or_null("increment").fail("expected at least 1 where init_classes is 0 too, found 0");
  }
}

std::vector<int64_t> ClassIncrements::sizes(int64_t num_classes) const {
  return class_splits(num_classes, init_classes == 0 ? increment : init_classes,
                      increment == 0 ? init_classes : increment);
}

std::vector<int64_t> class_splits(int64_t num_classes, int64_t init, int64_t increment) {
  CL_CHECK(init > 0 && increment > 0, "splits of {} and {} classes", init, increment);
  if (init > num_classes) {
    throw Error(fmt::format(
        "the first experience asks for {} classes, but there are only {}; lower init_classes", init,
        num_classes));
  }
  std::vector<int64_t> sizes{init};
  for (int64_t done = init; done < num_classes; done += sizes.back()) {
    sizes.push_back(std::min(increment, num_classes - done));
  }
  return sizes;
}

}  // namespace cl
