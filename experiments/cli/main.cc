// clsim: the command line. Exceptions end here and nowhere else (but for those of a single run).
#include <exception>
#include <iostream>

#include <CLI/CLI.hpp>

#include "core/base/allocator.h"
#include "core/base/error.h"
#include "core/base/printable.h"
#include "experiments/cli/verbs.h"
#include "experiments/explain.h"
#include "experiments/provenance.h"

namespace cl::experiments::cli {
namespace {

constexpr const char* kClsimFooter = R"(Environment:
  CLSIM_DATA   folder that data sets are looked for in, where a suite gives no other;
               --data DIR wins over it; 'clsim data' fills it

Exit codes:
  0    fine
  1    some run failed, or an input file cannot be used
  2    the command line or the configuration is wrong
  3    an internal error: please report it
  130  stopped by Ctrl-C; 'clsim run ... --resume' goes on

'clsim VERB --help' says more about a verb.)";

int parse_and_act(int argc, char** argv) {
  CLI::App app{"Continual learning: streams, learners, tables"};
  app.name(argv[0]);  // so that usage lines can be typed as they are shown
  app.footer(kClsimFooter);
  app.set_version_flag("--version", [] { return version(); });
  app.require_subcommand(1);
  Action chosen;
  add_run(app, chosen);
  add_check(app, chosen);
  add_list(app, chosen);
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
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kFine : kUsage;  // --help and --version end here too
  }
  return chosen();
}

int failed(ExitCode code, const std::string& message) {
  std::cerr << "clsim: " << printable(message) << '\n';
  return code;
}

int guarded_main(int argc, char** argv) {
  try {
    return parse_and_act(argc, argv);
  } catch (const ConfigError& error) {
    return failed(kUsage, error.what());
  } catch (const Error& error) {
    return failed(kSomeRunFailed, error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    return failed(kSomeRunFailed, error.what());
  } catch (const Stopped& error) {
    return failed(kInterrupted, error.what());
  } catch (const std::exception& error) {
    return failed(kInternal, "internal error: " + explain(error));
  }
}

}  // namespace
}  // namespace cl::experiments::cli

int main(int argc, char** argv) {
  cl::keep_freed_memory();
  return cl::experiments::cli::guarded_main(argc, argv);
}
