// clsim run: conduct the runs of a suite.
#include "experiments/run.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/printable.h"
#include "core/base/replacement.h"
#include "core/base/trace.h"
#include "core/base/user_folders.h"
#include "core/metrics/summary.h"
#include "core/nn/precision.h"
#include "experiments/cli/interrupt.h"
#include "experiments/cli/verbs.h"
#include "experiments/folder_lock.h"
#include "experiments/inputs.h"
#include "experiments/pool.h"
#include "experiments/progress.h"
#include "experiments/provenance.h"
#include "experiments/run_files.h"
#include "experiments/shared_activations.h"
#include "experiments/shared_beginnings.h"
#include "experiments/suite.h"

namespace cl::experiments::cli {
namespace {

namespace fs = std::filesystem;

struct RunOptions {
  std::string program;  // as it was called
  std::string suite, out, data, cache, trace;
  int64_t cache_gib = kDefaultCacheGib;
  int jobs = 1;
  bool resume = false;
  std::vector<std::string> only, overrides;
};

constexpr const char* kRunFooter = R"(Files in DIR, for each run:
  ID.h5             the result; what is written once is never overwritten
  ID.safetensors    the trained learner (with 'checkpoint: last'), for 'clsim predict'
  ID.failed.txt     why it failed; the other runs go on
  .lock             keeps a second process out
  ID.h5.part, ID.partK.safetensors   an interrupted run after K experiences

Without --resume, DIR must hold no result of these runs. With it, finished runs are left
alone, interrupted ones go on after their last completed experience (bit for bit as if
they had never stopped, under equal arithmetic: machine, libraries, threads), and failed
ones are tried again; data and weights must be the same as then. A finished run whose file
is damaged is renamed ID.h5.unreadable and run anew.

Ctrl-C stops cleanly, as SIGTERM and the end of the terminal do; a second one kills. A pipe
that is closed (clsim run ... | head) stops nothing. Results do not depend on --jobs.
Data sets are looked for in --data, else in $CLSIM_DATA, else in each source's own place.
Exit codes: 0 fine, 1 some run failed or was lost, 2 wrong configuration, 130 stopped.)";

std::vector<RunSpec> select(std::vector<RunSpec> runs, const std::vector<std::string>& only) {
  if (only.empty()) return runs;
  const auto matches = [](const RunSpec& spec, const std::string& word) {
    return spec.id().starts_with(word) || spec.label == word;
  };
  for (const std::string& word : only) {
    if (word.empty() || std::none_of(runs.begin(), runs.end(),
                                     [&](const RunSpec& spec) { return matches(spec, word); })) {
      throw ConfigError({}, "--only",
                        fmt::format("no run of the suite is '{}'; 'clsim check' lists them", word));
    }
  }
  std::erase_if(runs, [&](const RunSpec& spec) {
    return std::none_of(only.begin(), only.end(),
                        [&](const std::string& word) { return matches(spec, word); });
  });
  return runs;
}

/// The runs that are still to do; @throws ConfigError where that would touch earlier results
std::vector<RunSpec> to_do(std::vector<RunSpec> runs, const fs::path& out, bool resume) {
  int64_t finished = 0, interrupted = 0;
  std::vector<std::string> lost;
  for (const RunSpec& spec : runs) {
    const RunFiles files(out, spec.id());
    if (files.is_finished()) ++finished;
    if (files.is_finished() && spec.checkpoint == "last" && !fs::exists(files.checkpoint())) {
      lost.push_back(spec.id());
    }
    if (files.is_unfinished()) ++interrupted;
  }
  if (!resume && finished + interrupted > 0) {
    throw ConfigError({}, "",
                      fmt::format("'{}' already holds {} finished and {} interrupted of these {} "
                                  "runs; add --resume to keep them and go on, or choose another "
                                  "folder with --out",
                                  out.string(), finished, interrupted, runs.size()));
  }
  if (finished > 0) log::info("{} of {} runs are already finished", finished, runs.size());
  if (!lost.empty()) {
    log::warn(
        "of these finished runs the trained learner, ID.safetensors, is missing; delete ID.h5 to "
        "have both made anew: {}",
        fmt::join(lost, ", "));
  }
  std::erase_if(runs, [&](const RunSpec& spec) { return RunFiles(out, spec.id()).is_finished(); });
  return runs;
}

void check_jobs(const std::vector<RunSpec>& runs, const ThreadPlan& plan) {
  for (const RunSpec& spec : runs) {
    if (plan.jobs > 1 && spec.settings.device != "cpu") {
      throw ConfigError({}, "--jobs", "expected 1 on a GPU, which does one run at a time");
    }
  }
  const bool has_bfloat16 = std::any_of(runs.begin(), runs.end(), [](const RunSpec& spec) {
    return spec.settings.precision == "bf16";
  });
  if (has_bfloat16 && !has_fast_bfloat16()) {
    log::info(
        "precision bf16: this processor has no instructions for it: it saves memory and no time, "
        "and frozen passes of a backbone that is trained may take twenty times as long");
  }
  const int64_t cores = sysconf(_SC_NPROCESSORS_ONLN);
  if (static_cast<int64_t>(plan.jobs) * plan.intra_op_threads > cores) {
    log::info("{} jobs of {} threads on {} cores: fewer would be faster", plan.jobs,
              plan.intra_op_threads, cores);
  }
}

/// For people.
std::string name_of(const RunSpec& spec) {
  return spec.label.empty() ? spec.id() : printable_name(spec.label);
}

void note_failure(const RunSpec& spec, const fs::path& out, const std::string& error) {
  log::warn("run {} failed: {}", name_of(spec), error);
  const std::string text =
      printable(fmt::format("{}  run {}  {}\n\n{}\n\n# its settings\n{}", utc_now(), spec.id(),
                            spec.label, error, spec.canonical()));
  Replacement file(RunFiles(out, spec.id()).failure());
  file.write(text.data(), text.size());
  file.finish();
}

/// Quoted where a shell needs it.
std::string shell_word(const std::string& word) {
  if (!word.empty() && word.find_first_of(" \t\n'\"{}[]*?$&;|<>()#!~`\\") == std::string::npos) {
    return word;
  }
  std::string result = "'";
  for (const char c : word) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

/// The command as it was typed.
std::string command_line(const RunOptions& options) {
  std::vector<std::string> words{options.program, "run", options.suite};
  if (!options.out.empty()) words.insert(words.end(), {"--out", options.out});
  if (!options.data.empty()) words.insert(words.end(), {"--data", options.data});
  if (!options.cache.empty()) words.insert(words.end(), {"--cache", options.cache});
  if (options.cache_gib != kDefaultCacheGib) {
    words.insert(words.end(), {"--cache-gib", std::to_string(options.cache_gib)});
  }
  if (options.jobs != 1) words.insert(words.end(), {"--jobs", std::to_string(options.jobs)});
  if (!options.trace.empty()) words.insert(words.end(), {"--trace", options.trace});
  for (const std::string& word : options.only) words.insert(words.end(), {"--only", word});
  for (const std::string& text : options.overrides) words.insert(words.end(), {"--set", text});
  for (std::string& word : words) word = shell_word(word);
  return fmt::format("{}", fmt::join(words, " "));
}

/// Null if the user wants none, or has no place for it.
std::shared_ptr<ActivationStore> open_store(const RunOptions& options, const ThreadPlan& plan) {
  if (options.cache_gib == 0) return nullptr;
  if (const auto folder = cache_root(options.cache)) {
    return shared_activations(*folder, options.cache_gib, plan);
  }
  log::info("no cache: you have no home; --cache or {} names a folder for it", kCacheRootVariable);
  return nullptr;
}

/// 0 if standard error is no terminal.
int64_t terminal_rows() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

std::vector<Outcome> conduct_all(const std::vector<RunSpec>& runs, const ThreadPlan& plan,
                                 RunPlace place) {
  std::stop_source stop;
  place.stop = stop.get_token();
  const bool live = isatty(STDERR_FILENO) == 1;
  ProgressBoard board(static_cast<int64_t>(runs.size()), plan.jobs,
                      live ? ProgressBoard::Style::kLive : ProgressBoard::Style::kPlain, std::cerr);
  watch_for_interrupt();
  std::mutex mutex;
  std::optional<ConfigError> mistake;  // no other run is worth its time before that is put right
  const auto body = [&](const RunSpec& spec) {
    const auto progress = board.start(spec.label);
    const RunRecord record = [&] {
      try {
        return run(spec, place, *progress);
      } catch (const ConfigError& error) {
        const std::lock_guard lock(mutex);
        if (!mistake) mistake = error;
        stop.request_stop();
        throw Stopped();
      }
    }();
    log::info("run {} done: accuracy after the last experience {:.2f} %", name_of(spec),
              100 * find_metric("last_accuracy").value(record));
  };
  const auto tick = [&] {
    if (interrupted() && !stop.stop_requested()) {
      log::info("stopping at the next step; once more Ctrl-C kills");
      stop.request_stop();
    }
    board.draw(terminal_rows());
  };
  const auto failed = [&](const RunSpec& spec, const std::string& error) {
    note_failure(spec, place.out, error);
  };
  auto outcomes = run_all(runs, plan, place.stop, body, failed, tick);
  if (mistake) throw ConfigError(*mistake);
  return outcomes;
}

/// Says what has come of the runs: what counts is what lies there now.
ExitCode report(const RunOptions& options, const fs::path& out, const std::vector<RunSpec>& chosen,
                const std::vector<Outcome>& outcomes) {
  const auto count = [&](Outcome end) { return std::count(outcomes.begin(), outcomes.end(), end); };
  const auto failed = count(Outcome::kFailed), stopped = count(Outcome::kStopped);
  const auto finished = std::count_if(chosen.begin(), chosen.end(), [&](const RunSpec& spec) {
    return RunFiles(out, spec.id()).is_finished();
  });
  const auto lost = static_cast<std::ptrdiff_t>(chosen.size()) - finished - failed - stopped;
  std::cout << fmt::format("{} of {} runs are finished", finished, chosen.size());
  if (failed > 0) {
    const bool is_noted = std::any_of(chosen.begin(), chosen.end(), [&](const RunSpec& spec) {
      return fs::exists(RunFiles(out, spec.id()).failure());
    });
    std::cout << fmt::format(", {} failed (see {})", failed,
                             is_noted ? (out / "*.failed.txt").string() : "above");
  }
  if (lost > 0) std::cout << fmt::format(", {} lost: their files are gone", lost);
  std::cout << fmt::format("\nresults:  {}\ntable:    {} table {}\n", (out / "*.h5").string(),
                           shell_word(options.program), shell_word(out.string()));
  if (stopped > 0) {
    std::cout << fmt::format("stopped; resume with:  {} --resume\n", command_line(options));
    return kInterrupted;
  }
  return failed > 0 || lost > 0 ? kSomeRunFailed : kFine;
}

int run_suite(const RunOptions& options) {
  std::vector<Override> overrides;
  for (const std::string& text : options.overrides) overrides.push_back(parse_override(text));
  if (!options.trace.empty()) require_writable(options.trace);
  Suite suite = load_suite(options.suite, overrides);
  const fs::path out =
      options.out.empty() ? fs::path("results") / suite.name : fs::path(options.out);
  const ThreadPlan plan{.jobs = options.jobs,
                        .intra_op_threads = static_cast<int>(suite.runs.front().settings.threads)};
  const auto chosen = select(std::move(suite.runs), options.only);
  check_jobs(chosen, plan);
  fs::create_directories(out);
  const FolderLock lock(out);
  if (options.resume) {
    for (const RunSpec& spec : chosen) RunFiles(out, spec.id()).set_aside_unreadable();
  }
  const auto runs = leaders_ahead(to_do(chosen, out, options.resume), plan.jobs);
  for (const RunSpec& spec : chosen) RunFiles(out, spec.id()).clean_up();
  apply(plan);
  if (options.resume) check_inputs(chosen, out, options.data);
  if (!options.trace.empty()) trace::start();

  const auto outcomes = conduct_all(runs, plan,
                                    {.out = out,
                                     .data_root = options.data,
                                     .provenance = provenance(plan, command_line(options)),
                                     .stop = {},
                                     .store = open_store(options, plan),
                                     .beginnings = std::make_shared<SharedBeginnings>(runs)});

  const ExitCode code = report(options, out, chosen, outcomes);
  if (!options.trace.empty()) {
    trace::write(options.trace);
    log::info("trace: {}, for https://ui.perfetto.dev", options.trace);
  }
#ifdef CL_STRICT
  if (code == kFine && log::warnings() > 0) return kSomeRunFailed;
#endif
  return code;
}

}  // namespace

void add_run(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<RunOptions>();
  options->program = app.get_name();
  CLI::App* verb = app.add_subcommand("run", "Conduct the runs of a suite");
  verb->add_option("suite", options->suite, "YAML file")->required()->type_name("SUITE");
  verb->add_option("--out", options->out, "folder of the results; default: results/<suite name>")
      ->type_name("DIR");
  verb->add_option("--jobs", options->jobs, "runs at the same time")
      ->type_name("N")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  verb->add_flag("--resume", options->resume, "keep what is finished and go on with the rest");
  verb->add_option("--only", options->only,
                   "the run of this id (its beginning will do) or label; may be repeated")
      ->type_name("ID")
      ->allow_extra_args(false);
  verb->add_option("--set", options->overrides,
                   "a setting that wins over the suite and its sweep, as learner.sema.threshold=2; "
                   "may be repeated")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
  verb->add_option("--data", options->data, "folder of the data sets; default: $CLSIM_DATA")
      ->type_name("DIR");
  verb->add_option("--cache", options->cache,
                   "folder of what frozen networks computed, shared by all runs; default: "
                   "$CLSIM_CACHE, else the user's own")
      ->type_name("DIR");
  verb->add_option("--cache-gib", options->cache_gib, "most that this folder may hold; 0: no cache")
      ->type_name("GIB")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 20))
      ->capture_default_str();
  verb->add_option(
          "--trace", options->trace,
          "file for when the parts of the runs began and ended, as JSON for a trace viewer")
      ->type_name("FILE");
  verb->footer(kRunFooter);
  verb->callback([&chosen, options] { chosen = [options] { return run_suite(*options); }; });
}

}  // namespace cl::experiments::cli
