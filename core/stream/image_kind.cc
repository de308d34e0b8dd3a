#include "core/stream/image_kind.h"

#include <map>
#include <set>

#include <fmt/format.h>

#include "core/base/error.h"

namespace cl {

std::vector<ImageKind> kinds_by_label(const ChosenSamples& samples,
                                      const std::vector<int64_t>& classes) {
  std::vector<ImageKind> kinds;
  for (size_t label = 0; label < classes.size(); ++label) {
    const auto& chosen = samples.classes.at(static_cast<size_t>(classes[label]));
    kinds.push_back({static_cast<int64_t>(label), chosen.train, chosen.test});
  }
  return kinds;
}

void settle(StreamPlan& plan, Split test_split, const std::vector<ImageKind>& kinds) {
  std::map<int64_t, size_t> kind_of_row;
  for (size_t kind = 0; kind < kinds.size(); ++kind) {
    for (const int64_t row : kinds[kind].train) kind_of_row.emplace(row, kind);
  }
  std::set<size_t> seen_kinds;
  std::set<int64_t> seen_classes;
  for (size_t k = 0; k < plan.experiences.size(); ++k) {
    ExperiencePlan& experience = plan.experiences[k];
    if (experience.train.rows.empty()) {
      throw Error(fmt::format(
          "{}: experience {} is left without training images; ask for fewer experiences",
          plan.info.name, k));
    }
    std::set<size_t> new_kinds;
    for (const int64_t row : experience.train.rows) {
      const size_t kind = kind_of_row.at(row);
      if (!seen_kinds.contains(kind)) new_kinds.insert(kind);
    }
    experience.test.split = test_split;
    for (const size_t kind : new_kinds) experience.test.add(kinds[kind].test, kinds[kind].label);
    seen_kinds.merge(new_kinds);

    const std::set<int64_t> classes(experience.train.labels.begin(), experience.train.labels.end());
    experience.classes.assign(classes.begin(), classes.end());
    const size_t before = seen_classes.size();
    seen_classes.insert(classes.begin(), classes.end());
    experience.facts.emplace_back("new_classes", static_cast<double>(seen_classes.size() - before));
  }
}

}  // namespace cl
