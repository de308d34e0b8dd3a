// The option `scenario`, which every stream that can pose several of them offers alike.
#pragma once

#include <string>
#include <string_view>

#include "core/config/fields.h"
#include "core/stream/stream.h"

namespace cl {

void scenario_field(config::Fields& fields, std::string& value);
/// The same for streams whose labels cannot repeat.
void class_or_task_field(config::Fields& fields, std::string& value);
/// The scenario called `name`. @throws InternalError if no option offers it
[[nodiscard]] Scenario scenario(std::string_view name);

}  // namespace cl
