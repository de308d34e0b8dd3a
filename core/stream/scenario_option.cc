#include "core/stream/scenario_option.h"

#include <array>
#include <span>

#include "core/base/check.h"

namespace cl {
namespace {

// Not kTaskFree: no option makes a stream without boundaries of one that has them; one that is made
// so says it itself.
constexpr std::array kScenarios{Scenario::kClass, Scenario::kTask, Scenario::kDomain};
constexpr size_t kNumWithoutRepeats = 2;  // of the first of those

std::array<std::string_view, kScenarios.size()> names() {
  std::array<std::string_view, kScenarios.size()> result;
  for (size_t i = 0; i < result.size(); ++i) result[i] = name(kScenarios[i]);
  return result;
}

}  // namespace

void scenario_field(config::Fields& fields, std::string& value) {
  fields.field("scenario", value,
               "what is known at test: class: nothing; task: the task; domain: nothing, and the "
               "labels repeat",
               names());
}

void class_or_task_field(config::Fields& fields, std::string& value) {
  const auto all = names();
  fields.field("scenario", value, "what is known at test: class: nothing; task: the task",
               std::span(all).first(kNumWithoutRepeats));
}

Scenario scenario(std::string_view text) {
  for (const Scenario candidate : kScenarios) {
    if (name(candidate) == text) return candidate;
  }
  CL_CHECK(false, "scenario '{}'", text);
  return Scenario::kClass;
}

}  // namespace cl
