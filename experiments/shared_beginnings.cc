#include "experiments/shared_beginnings.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/config/scalar.h"
#include "core/learner/learner.h"

namespace cl::experiments {
namespace {

struct Kin {
  std::string family;  // what siblings share; empty where the learner tolerates nothing
  double value = 0;    // of what they do not
};

Kin kin(const RunSpec& spec) {
  const auto& entry = Learners::get().entry(spec.settings.learner);
  // The reference's way is there to be timed.
  if (entry.traits.tolerant_option.empty() || spec.settings.execution == "reference") return {};
  const config::Node options = config::choice(spec.settings.learner).options;
  const config::Node written = config::Node::parse(entry.write(options, 0), entry.name);
  RunSpec others = spec;
  others.settings.learner = others.settings.learner.with(
      fmt::format("{}.{}", entry.name, entry.traits.tolerant_option), config::Node::of("0"));
  return {others.canonical(), config::read_number(written.at(entry.traits.tolerant_option))};
}

bool contains(const config::Range& range, double value) {
  return range.min <= value && value <= range.max;
}

/// `state` with the memory of `other` wherever both are equal: a frozen backbone is held once.
State sharing_memory(State state, const State& other) {
  for (auto& [name, tensor] : state) {
    const Tensor* same = find(other, name);
    if (same != nullptr && same->scalar_type() == tensor.scalar_type() &&
        same->sizes() == tensor.sizes() && at::equal(*same, tensor)) {
      tensor = *same;
    }
  }
  return state;
}

}  // namespace

SharedBeginnings::SharedBeginnings(std::span<const RunSpec> runs) {
  for (const RunSpec& spec : runs) {
    const std::string family = kin(spec).family;
    if (!family.empty()) ++families_[family].num_to_come;
  }
  std::erase_if(families_, [](const auto& entry) { return entry.second.num_to_come < 2; });
}

SharedBeginnings::Member::Member(SharedBeginnings& all, const RunSpec& spec) : all_(all) {
  Kin own = kin(spec);
  const std::lock_guard lock(all_.mutex_);
  if (!all_.families_.contains(own.family)) return;
  family_ = std::move(own.family);
  value_ = own.value;
}

SharedBeginnings::Member::~Member() {
  if (family_.empty()) return;
  const std::lock_guard lock(all_.mutex_);
  Family& family = all_.families_.at(family_);
  count_begun(family);
  if (leads_) family.has_leader = false;
  all_.changed_.notify_all();
}

void SharedBeginnings::Member::count_begun(Family& family) {
  if (std::exchange(has_begun_, true)) return;
  if (--family.num_to_come == 0) family.kept.clear();
}

void SharedBeginnings::Member::begin() {
  if (family_.empty()) return;
  const std::lock_guard lock(all_.mutex_);
  count_begun(all_.families_.at(family_));
}

bool SharedBeginnings::Member::is_wanted() const {
  if (family_.empty()) return false;
  const std::lock_guard lock(all_.mutex_);
  return all_.families_.at(family_).num_to_come > 0;
}

std::optional<SharedBeginnings::Beginning> SharedBeginnings::Member::find(
    const std::stop_token& stop) {
  if (family_.empty()) return std::nullopt;
  std::unique_lock lock(all_.mutex_);
  Family& family = all_.families_.at(family_);
  if (!all_.changed_.wait(lock, stop, [&] { return !family.has_leader; })) throw Stopped();
  const Kept* longest = nullptr;
  for (const Kept& kept : family.kept) {
    const bool is_longer = longest == nullptr || kept.num_steps > longest->num_steps;
    if (is_longer && contains(kept.tolerated, value_)) longest = &kept;
  }
  std::optional<Beginning> result;
  if (longest != nullptr) result = longest->beginning;
  leads_ = family.has_leader = !result;
  count_begun(family);
  return result;
}

void SharedBeginnings::Member::keep(const RunRecord& record, const State& state,
                                    config::Range tolerated) {
  if (family_.empty()) return;
  State other;
  {
    const std::lock_guard lock(all_.mutex_);
    const Family& family = all_.families_.at(family_);
    if (!family.kept.empty()) other = family.kept.back().beginning.state;
  }
  Kept kept{
      static_cast<int64_t>(record.sizes.size()), tolerated, {record, sharing_memory(state, other)}};
  const std::lock_guard lock(all_.mutex_);
  Family& family = all_.families_.at(family_);
  if (std::exchange(leads_, false)) family.has_leader = false;
  if (family.num_to_come > 0) family.kept.push_back(std::move(kept));
  all_.changed_.notify_all();
}

std::vector<RunSpec> leaders_ahead(std::vector<RunSpec> runs, int jobs) {
  std::vector<std::vector<RunSpec>> families;
  std::map<std::string, size_t> known;
  for (RunSpec& spec : runs) {
    const std::string name = kin(spec).family;
    const auto [place, is_new] = known.try_emplace(name, families.size());
    if (name.empty() || is_new) families.emplace_back();
    const size_t index = name.empty() ? families.size() - 1 : place->second;
    families[index].push_back(std::move(spec));
  }
  std::vector<RunSpec> result;
  size_t next = 0;  // family whose leader has not been placed
  for (size_t i = 0; i < families.size(); ++i) {
    for (; next < families.size() && next < i + static_cast<size_t>(jobs); ++next) {
      result.push_back(std::move(families[next].front()));
    }
    std::move(families[i].begin() + 1, families[i].end(), std::back_inserter(result));
  }
  return result;
}

}  // namespace cl::experiments
