#include "experiments/cli/front/command_line.h"

#include <cerrno>
#include <exception>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <string>
#include <system_error>

#include <CLI/CLI.hpp>

#include "core/base/error.h"
#include "core/base/printable.h"
#include "experiments/cli/front/standard_streams.h"

namespace cl::experiments::cli {
namespace {

constexpr const char* kClsimFooter = R"(Environment:
  CLSIM_DATA   folder that data sets are looked for in, where a suite gives no other;
               --data DIR wins over it; 'clsim data' fills it

Exit codes:
  0    fine
  1    some run failed, an input file cannot be used, or an output cannot be written,
       standard output included
  2    the command line or the configuration is wrong
  3    an internal error: please report it
  130  stopped by Ctrl-C, SIGTERM or the end of the terminal; 'clsim run ... --resume' goes on
A pipe that is closed (| head) ends no run; the process then ends as others do (SIGPIPE, 141).

'clsim VERB --help' says more about a verb.)";

int failed(ExitCode code, const std::string& message) {
  std::cerr << "clsim: " << printable(message) << '\n';
  return code;
}

int explained(const Action& act, const std::function<std::string(const std::exception&)>& explain) {
  try {
    return act();
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

/// `code`, or another where what was printed did not arrive.
int checked_output(int code, StandardOutput& output, bool closed_pipe_ends) {
  const int problem = output.finish();
  if (problem == 0) return code;
  if (problem == EPIPE && closed_pipe_ends) {
    if (code != kFine) return code;
    end_by_closed_pipe();
  }
  const int own = failed(kSomeRunFailed, "standard output: cannot be written: " +
                                             std::generic_category().message(problem));
  return code == kFine ? own : code;
}

}  // namespace

int parse_and_act(int argc, char** argv, const std::function<void(CLI::App&, Action&)>& add_verbs,
                  const std::function<std::string()>& version) {
  CLI::App app{"Continual learning: streams, learners, tables"};
  app.name(argv[0]);  // so that usage lines can be typed as they are shown
  app.footer(kClsimFooter);
  app.set_version_flag("--version", version);
  app.require_subcommand(1);
  Action chosen;
  add_verbs(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream problem;
    const int code = app.exit(error, std::cout, problem);  // --help and --version end here too
    std::cerr << printable(problem.str());
    return code == 0 ? kFine : kUsage;
  }
  return chosen();
}

int guarded(const Action& act, const std::function<std::string(const std::exception&)>& explain) {
  if (!open_missing_streams()) return kSomeRunFailed;
  const bool closed_pipe_ends = let_writes_fail();
  StandardOutput output;
  const int code = explained(act, explain);
  return checked_output(code, output, closed_pipe_ends);
}

}  // namespace cl::experiments::cli
