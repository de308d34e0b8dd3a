#include "core/stream/scenario_option.h"

#include <array>

#include "core/base/check.h"

namespace cl {
namespace {

constexpr std::array kScenarios{Scenario::kClass, Scenario::kTask, Scenario::kDomain,
                                Scenario::kTaskFree};

}  // namespace

void scenario_field(config::Fields& fields, std::string& value) {
  std::array<std::string_view, kScenarios.size()> names;
  for (size_t i = 0; i < names.size(); ++i) names[i] = name(kScenarios[i]);
  fields.field("scenario", value,
               "what is known: class: nothing at test; task: the task; domain: nothing, the labels "
               "repeat; task_free: no boundaries in training either",
               names);
}

Scenario scenario(std::string_view text) {
  for (const Scenario candidate : kScenarios) {
    if (name(candidate) == text) return candidate;
  }
  CL_CHECK(false, "scenario '{}'", text);
  return Scenario::kClass;
}

}  // namespace cl
