// clsim_engine: the whole command line, with LibTorch. clsim, which people call, becomes it where
// it cannot answer itself.
#include <cstdio>
#include <cstdlib>

#include "core/base/allocator.h"
#include "experiments/cli/front/command_line.h"
#include "experiments/cli/front/engine.h"
#include "experiments/cli/verbs.h"
#include "experiments/explain.h"
#include "experiments/provenance.h"

namespace cl::experiments::cli {
namespace {

void add_verbs(CLI::App& app, Action& chosen) {
  add_run(app, chosen);
  add_check(app, chosen);
  add_list(app, chosen, listed_kinds);
  add_table(app, chosen);
  add_plot(app, chosen);
  add_show(app, chosen);
  add_stream(app, chosen);
  add_features(app, chosen);
  add_predict(app, chosen);
  add_pretrain(app, chosen);
  add_data(app, chosen);
  add_cache(app, chosen);
  add_bench(app, chosen);
  add_help(app, chosen);
  add_texts(app, chosen);
}

int engine(int argc, char** argv) {
  const auto act = [&] {
    keep_freed_memory();
    require_front_of(version());
    return parse_and_act(argc, argv, add_verbs, version);
  };
  return guarded(act, explain);
}

}  // namespace
}  // namespace cl::experiments::cli

int main(int argc, char** argv) {
  const int code = cl::experiments::cli::engine(argc, argv);
#ifndef __SANITIZE_ADDRESS__  // which looks for leaks at the end
  // LibTorch takes a tenth of a second to unregister its operators one by one.
  std::fflush(nullptr);
  std::_Exit(code);
#endif
  return code;
}
