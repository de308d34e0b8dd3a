#include "tests/support/run_file_equality.h"

#include <cstring>
#include <set>
#include <type_traits>

#include "core/io/hdf5.h"

namespace cl {
namespace {

bool equal(const hdf5::AnyArray& a, const hdf5::AnyArray& b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&](const auto& left) {
        const auto& right = std::get<std::decay_t<decltype(left)>>(b);
        if (left.shape != right.shape) return false;
        if constexpr (std::is_same_v<std::decay_t<decltype(left)>, hdf5::Texts>) {
          return left.values == right.values;
        } else {  // bytes, so that NaN equals NaN and 0 does not equal -0
          const size_t size = left.values.size() * sizeof(left.values[0]);
          return size == 0 || std::memcmp(left.values.data(), right.values.data(), size) == 0;
        }
      },
      a);
}

void compare(const hdf5::File& a, const hdf5::File& b, const std::string& group,
             std::vector<std::string>& unequal) {
  const auto in_a = a.members(group);
  const auto in_b = b.members(group);
  const std::set<std::string> first(in_a.begin(), in_a.end());
  const std::set<std::string> second(in_b.begin(), in_b.end());
  std::set<std::string> all = first;
  all.insert(second.begin(), second.end());
  for (const std::string& name : all) {
    const std::string path = (group == "/" ? "" : group) + "/" + name;
    if (!first.contains(name) || !second.contains(name) || a.is_group(path) != b.is_group(path)) {
      unequal.push_back(path);
    } else if (a.is_group(path)) {
      compare(a, b, path, unequal);
    } else if (!equal(a.read(path), b.read(path))) {
      unequal.push_back(path);
    }
  }
}

}  // namespace

std::vector<std::string> unequal_datasets(const std::filesystem::path& a,
                                          const std::filesystem::path& b) {
  std::vector<std::string> unequal;
  compare(hdf5::File::open(a), hdf5::File::open(b), "/", unequal);
  return unequal;
}

}  // namespace cl
