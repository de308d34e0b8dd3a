#include "core/stream/stream.h"

#include "core/base/check.h"

namespace cl {

std::string_view name(Scenario scenario) {
  switch (scenario) {
    case Scenario::kTask:
      return "task";
    case Scenario::kDomain:
      return "domain";
    case Scenario::kClass:
      return "class";
    case Scenario::kTaskFree:
      return "task_free";
  }
  CL_CHECK(false, "scenario {}", static_cast<int>(scenario));
  return {};
}

TrainView Experience::train_view(Scenario scenario) const {
  TrainView view{.index = index, .task = std::nullopt, .classes = classes, .data = train};
  if (scenario == Scenario::kTask) view.task = index;
  return view;
}

}  // namespace cl
