// clsim bench: how long whole runs take, and how much memory, side by side.
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "analysis/render/bars.h"
#include "analysis/render/csv.h"
#include "analysis/render/lines.h"
#include "core/base/log.h"
#include "core/base/replacement.h"
#include "experiments/cli/interrupt.h"
#include "experiments/cli/verbs.h"
#include "experiments/gemm_peak.h"
#include "experiments/job_timing.h"
#include "experiments/provenance.h"
#include "experiments/suite.h"

namespace cl::experiments::cli {
namespace {

struct BenchOptions {
  std::string suite, data, csv, svg;
  std::string cache = "own";
  int64_t cache_gib = kDefaultCacheGib;
  int rounds = 5;
  std::vector<std::string> overrides;
};

const std::map<std::string, TimedCache> kCaches{
    {"none", TimedCache::kNone}, {"own", TimedCache::kOwn}, {"shared", TimedCache::kShared}};

constexpr const char* kBenchFooter =
    R"(The runs of the suite are conducted one after another, N times in turn, and forgotten. The
table has the median of the rounds, their smallest and largest, and how many times faster than
the first run of the suite each is. Put the rival first:

  sweep:
    execution: [reference, once]

--cache own: each run begins with an empty cache of activations; none: no files; shared: the runs
of a round share one, empty at first, and what they have in common, as those of a sweep do (the
seconds of phases are then of the work, whoever did it). Seconds of one machine say little about
another: the machine, its threads and its GEMM peak stand above the table.

What comes before the first experience (the data set is read, the network built) is in the seconds
of the run alone. "–": another run had gone through that experience, or the learner takes all of
them at once. The picture has a bar a run, or with more than eight experiences lines of the seconds
and the memory of each.)";

constexpr double kGiga = 1e9;
constexpr double kNothing = 1e-4;  // seconds: no experience is gone through in less

struct Machine {
  std::map<std::string, std::string> facts;
  double gemm, gemm_bfloat16;  // operations a second
};

/// Every single value.
std::string csv(const Machine& machine, const std::vector<JobTiming>& timings) {
  std::string out = "run,round,measure,value,host_cpu,gemm_gflops,gemm_bf16_gflops\n";
  const auto facts = machine.facts.find("cpu");
  const std::string cpu = facts == machine.facts.end() ? "" : facts->second;
  for (const JobTiming& timing : timings) {
    const auto rows = [&](const std::string& measure, const std::vector<double>& values) {
      for (size_t i = 0; i < values.size(); ++i) {
        out += fmt::format("{},{},{},{},{},{:.1f},{:.1f}\n", analysis::csv_field(timing.label), i,
                           measure, values[i], analysis::csv_field(cpu), machine.gemm / kGiga,
                           machine.gemm_bfloat16 / kGiga);
      }
    };
    rows("seconds", timing.seconds);
    for (const auto& [phase, seconds] : timing.by_phase) rows("seconds." + phase, seconds);
    for (size_t k = 0; k < timing.by_experience.size(); ++k) {
      rows(fmt::format("seconds.experience.{}", k), timing.by_experience[k]);
    }
    rows("peak_mib", timing.peak_mib);
    for (size_t k = 0; k < timing.peak_by_experience.size(); ++k) {
      rows(fmt::format("peak_mib.experience.{}", k), timing.peak_by_experience[k]);
    }
  }
  return out;
}

using ByExperience = std::vector<std::vector<double>>;  // [experiences][rounds]

/// A line a run, over the experiences.
analysis::LineChart line_chart(const std::vector<JobTiming>& timings, int64_t num_experiences,
                               const char* title, ByExperience JobTiming::*values) {
  analysis::LineChart chart{.title = title, .x_axis = "experience", .xs = {}, .lines = {}};
  for (int64_t k = 0; k < num_experiences; ++k) chart.xs.push_back(static_cast<double>(k));
  for (const JobTiming& timing : timings) {
    analysis::Line line{.name = timing.label, .points = {}};
    for (const std::vector<double>& rounds : timing.*values) {
      line.points.push_back({static_cast<double>(line.points.size()), median(rounds)});
    }
    chart.lines.push_back(std::move(line));
  }
  return chart;
}

std::string line_svg(const std::vector<JobTiming>& timings, int64_t num_experiences) {
  std::vector<analysis::LineChart> charts{
      line_chart(timings, num_experiences, "seconds for each experience, medians of the rounds",
                 &JobTiming::by_experience)};
  if (!timings.front().peak_by_experience.empty()) {
    charts.push_back(line_chart(timings, num_experiences,
                                "most resident memory in each experience, MiB",
                                &JobTiming::peak_by_experience));
  }
  return analysis::render_svg(charts);
}

/// A bar a run, in parts by experience.
std::string bar_svg(const std::vector<JobTiming>& timings, int64_t num_experiences) {
  analysis::BarChart chart{
      .title = "seconds, and peak memory; medians of the rounds", .part_names = {}, .bars = {}};
  for (int64_t k = 0; k < num_experiences; ++k) {
    chart.part_names.push_back(fmt::format("experience {}", k));
  }
  const double first = median(timings.front().seconds);
  for (const JobTiming& timing : timings) {
    const double own = median(timing.seconds);
    std::vector<double> parts;
    for (const auto& experience : timing.by_experience) parts.push_back(median(experience));
    std::string note = fmt::format("{:.1f} s, {:.1f}x", own, first / own);
    if (!timing.peak_mib.empty()) note += fmt::format(", {:.0f} MiB", median(timing.peak_mib));
    chart.bars.push_back({timing.label, std::move(parts), std::move(note)});
  }
  return analysis::render_svg(chart);
}

std::string svg(const std::vector<JobTiming>& timings) {
  constexpr int64_t kMostParts = 8;
  size_t num_experiences = 0;
  for (const JobTiming& timing : timings) {
    num_experiences = std::max(num_experiences, timing.by_experience.size());
  }
  const auto num = static_cast<int64_t>(num_experiences);
  return num > kMostParts ? line_svg(timings, num) : bar_svg(timings, num);
}

void write_file(const std::string& name, const std::string& text) {
  Replacement file(followed(name));
  file.write(text.data(), text.size());
  file.finish();
}

void print(const Machine& machine, int64_t threads, const std::vector<JobTiming>& timings) {
  for (const char* fact : {"cpu", "libtorch", "compiler"}) {
    const auto found = machine.facts.find(fact);
    if (found != machine.facts.end()) std::cout << fmt::format("{}: {}\n", fact, found->second);
  }
  std::cout << fmt::format(
      "{} threads in an operation; product of 2048 x 2048 matrices: {:.0f} GFLOP/s, in bfloat16 "
      "{:.0f}\n\n",
      threads, machine.gemm / kGiga, machine.gemm_bfloat16 / kGiga);
  std::set<std::string> phases;
  for (const JobTiming& timing : timings) {
    for (const auto& [phase, seconds] : timing.by_phase) phases.insert(phase);
  }
  const auto num_experiences = static_cast<int64_t>(timings.front().by_experience.size());
  std::cout << "| run | seconds | smallest-largest | times faster | peak MiB | accuracy |";
  for (int64_t k = 0; k < num_experiences; ++k) std::cout << fmt::format(" experience {} |", k);
  for (const std::string& phase : phases) std::cout << fmt::format(" {} s |", phase);
  std::cout << "\n|---|---:|---:|---:|---:|---:|";
  for (size_t i = 0; i < phases.size() + timings.front().by_experience.size(); ++i) {
    std::cout << "---:|";
  }
  std::cout << "\n";
  const double first = median(timings.front().seconds);
  double all = 0;
  for (const JobTiming& timing : timings) {
    const auto [least, most] = std::minmax_element(timing.seconds.begin(), timing.seconds.end());
    const double middle = median(timing.seconds);
    all += middle;
    std::cout << fmt::format("| {} | {:.2f} | {:.2f}-{:.2f} | {:.2f} | {:.0f} | {:.2f} |",
                             timing.label, middle, *least, *most, first / middle,
                             median(timing.peak_mib), 100 * timing.last_accuracy);
    for (size_t k = 0; k < timing.by_experience.size(); ++k) {
      const double own = median(timing.by_experience[k]);
      const double rival =
          k < timings.front().by_experience.size() ? median(timings.front().by_experience[k]) : own;
      std::cout << (own < kNothing ? std::string(" – |")
                                   : fmt::format(" {:.2f} ({:.1f}x) |", own, rival / own));
    }
    for (const std::string& phase : phases) {
      const auto found = timing.by_phase.find(phase);
      std::cout << (found == timing.by_phase.end()
                        ? std::string(" |")
                        : fmt::format(" {:.2f} |", median(found->second)));
    }
    std::cout << "\n";
  }
  std::cout << fmt::format("\nall runs: {:.2f} s, {:.2f} times the first\n", all, all / first);
}

int bench(const BenchOptions& options) {
  for (const std::string& file : {options.csv, options.svg}) {
    if (!file.empty()) require_writable(file);
  }
  std::vector<Override> overrides;
  for (const std::string& text : options.overrides) overrides.push_back(parse_override(text));
  const Suite suite = load_suite(options.suite, overrides);
  const int64_t threads = suite.runs.front().settings.threads;
  for (const RunSpec& spec : suite.runs) {
    if (spec.settings.threads != threads) {
      throw ConfigError({}, "threads", "expected the same number in all runs of a benchmark");
    }
  }
  const ThreadPlan plan{.intra_op_threads = static_cast<int>(threads)};
  apply(plan);
  const InterruptStop stop;
  const auto about_to = [&](int round, const std::string& label) {
    log::info("round {} of {}: {}", round + 1, options.rounds, label);
  };
  const Machine machine{provenance(plan, "clsim bench"), gemm_peak(), gemm_peak(true)};
  const auto timings = time_runs(
      suite.runs,
      {.rounds = options.rounds,
       .cache = kCaches.at(options.cache),
       .cache_gib = options.cache_gib,
       .threads = plan},
      {.out = {}, .data_root = options.data, .provenance = {}, .stop = stop.token()}, about_to);
  print(machine, threads, timings);
  if (!options.csv.empty()) write_file(options.csv, csv(machine, timings));
  if (!options.svg.empty()) write_file(options.svg, svg(timings));
  return kFine;
}

}  // namespace

void add_bench(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* verb = app.add_subcommand("bench", "Time and memory of a suite's runs, side by side");
  verb->add_option("suite", options->suite, "YAML file")->required()->type_name("SUITE");
  verb->add_option("--rounds", options->rounds, "how often each run is conducted")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  verb->add_option("--cache", options->cache, "what activations a run finds")
      ->type_name("none|own|shared")
      ->check(CLI::IsMember({"none", "own", "shared"}))
      ->capture_default_str();
  verb->add_option("--cache-gib", options->cache_gib, "most that they may take")
      ->type_name("GIB")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20))
      ->capture_default_str();
  verb->add_option("--set", options->overrides, "a setting that wins over the suite")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
  verb->add_option("--data", options->data, "folder of the data sets; default: $CLSIM_DATA")
      ->type_name("DIR");
  verb->add_option("--csv", options->csv, "file for every single value")->type_name("FILE");
  verb->add_option("--svg", options->svg, "file for a picture of it")->type_name("FILE");
  verb->footer(kBenchFooter);
  verb->callback([&chosen, options] { chosen = [options] { return bench(*options); }; });
}

}  // namespace cl::experiments::cli
