// The verbs that need the engine; each is added by the file of its name.
#pragma once

#include <vector>

#include "experiments/cli/front/verbs.h"

namespace cl::experiments::cli {

/// Each adds one verb to `app`, which, once parsed, sets `chosen` if that verb was given.
void add_run(CLI::App& app, Action& chosen);
void add_check(CLI::App& app, Action& chosen);
void add_stream(CLI::App& app, Action& chosen);
void add_features(CLI::App& app, Action& chosen);
void add_predict(CLI::App& app, Action& chosen);
void add_pretrain(CLI::App& app, Action& chosen);
void add_data(CLI::App& app, Action& chosen);
void add_cache(CLI::App& app, Action& chosen);
void add_bench(CLI::App& app, Action& chosen);
/// For the build, hence not shown: what clsim knows of its engine (front/engine_texts.h).
void add_texts(CLI::App& app, Action& chosen);

/// All registered plug-ins, and the metrics.
[[nodiscard]] std::vector<ListedKind> listed_kinds();

}  // namespace cl::experiments::cli
