#include "core/stream/identity_split.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "core/base/check.h"
#include "core/base/rng.h"

namespace cl {
namespace {

/// The names in the order in which they become test things.
std::vector<std::string> hash_order(const std::set<std::string>& names) {
  const RngKey key = RngKey(0).child("identity_split");
  std::vector<std::pair<uint64_t, std::string>> order;
  for (const std::string& name : names) order.emplace_back(key.child(name).bits(), name);
  std::sort(order.begin(), order.end());
  std::vector<std::string> result;
  for (auto& [hash, name] : order) result.push_back(std::move(name));
  return result;
}

}  // namespace

void join_equal_pictures(std::span<std::string> identities,
                         std::span<const std::string> fingerprints) {
  CL_CHECK(identities.size() == fingerprints.size());
  std::map<std::string, std::string> parent;  // a name that was joined to a smaller one
  const auto root = [&](std::string name) {
    for (auto next = parent.find(name); next != parent.end(); next = parent.find(name)) {
      name = next->second;
    }
    return name;
  };
  std::map<std::string, std::string> first_with;  // identity by fingerprint
  for (size_t i = 0; i < identities.size(); ++i) {
    const auto& [at, is_new] = first_with.emplace(fingerprints[i], identities[i]);
    const std::string a = root(at->second), b = root(identities[i]);
    if (a != b) parent.emplace(std::max(a, b), std::min(a, b));
  }
  for (std::string& identity : identities) identity = root(identity);
}

std::vector<Split> split_by_identity(std::span<const int64_t> labels,
                                     std::span<const std::string> identities,
                                     double test_fraction) {
  CL_CHECK(labels.size() == identities.size());
  std::map<int64_t, std::set<std::string>> things;  // by class
  std::map<std::string, int64_t> class_of;
  for (size_t i = 0; i < labels.size(); ++i) {
    things[labels[i]].insert(identities[i]);
    const auto [at, is_new] = class_of.emplace(identities[i], labels[i]);
    CL_CHECK(at->second == labels[i], "'{}' is in two classes", identities[i]);
  }
  std::set<std::string> tested;
  for (const auto& [label, names] : things) {
    const auto size = static_cast<int64_t>(names.size());
    CL_CHECK(size >= 2, "class {} shows one thing only", label);
    const auto count =
        std::clamp<int64_t>(std::llround(test_fraction * static_cast<double>(size)), 1, size - 1);
    const auto order = hash_order(names);
    tested.insert(order.begin(), order.begin() + count);
  }
  std::vector<Split> result;
  for (const std::string& identity : identities) {
    result.push_back(tested.contains(identity) ? Split::kTest : Split::kTrain);
  }
  return result;
}

std::vector<int64_t> identity_numbers(std::span<const std::string> identities) {
  std::map<std::string, int64_t> numbers;
  for (const std::string& name : identities) numbers.emplace(name, 0);
  int64_t next = 0;
  for (auto& [name, number] : numbers) number = next++;
  std::vector<int64_t> result;
  for (const std::string& name : identities) result.push_back(numbers.at(name));
  return result;
}

}  // namespace cl
