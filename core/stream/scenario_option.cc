#include "core/stream/scenario_option.h"

#include <array>

#include "core/base/check.h"

namespace cl {
namespace {

// Not kTaskFree: experiences come one after another, so a learner sees where each begins.
constexpr std::array kScenarios{Scenario::kClass, Scenario::kTask, Scenario::kDomain};

}  // namespace

void scenario_field(config::Fields& fields, std::string& value) {
  std::array<std::string_view, kScenarios.size()> names;
  for (size_t i = 0; i < names.size(); ++i) names[i] = name(kScenarios[i]);
  fields.field("scenario", value,
               "what is known at test: class: nothing; task: the task; domain: nothing, and the "
               "labels repeat",
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
