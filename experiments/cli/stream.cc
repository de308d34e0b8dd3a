// clsim stream: look at the stream of a suite, and take it to other machines and programs.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/printable.h"
#include "core/base/replacement.h"
#include "core/stream/plan_json.h"
#include "experiments/cli/front/standard_streams.h"
#include "experiments/cli/verbs.h"
#include "experiments/contact_sheet.h"
#include "experiments/stream_manifest.h"
#include "experiments/stream_sheet.h"
#include "experiments/stream_summary.h"
#include "experiments/suite_streams.h"

namespace cl::experiments::cli {
namespace {

namespace fs = std::filesystem;

/// Which stream of which suite.
struct StreamChoice {
  std::string suite, data, only;
  std::optional<int64_t> seed;
  std::vector<std::string> overrides;
};

struct ShowOptions {
  StreamChoice stream;
  std::string out;
  SheetLimits limits;
};

struct ExportOptions {
  StreamChoice stream;
  std::string out;
};

struct ImportOptions {
  std::string file, out, data;
  std::vector<std::string> sources;
};

constexpr const char* kShowFooter =
    R"(Prints scenario, sources, the digest of the data as run files record it, and a table of the
experiences. With --out also draws a few training images of each class in each experience,
as the backbone sees them at test (before they are normalised).

SUITE is a suite, or a file of 'stream:' alone (with 'seeds:' if need be).

Example:
  clsim stream show experiments/suites/quickstart.yaml --out quickstart.png)";

constexpr const char* kExportFooter =
    R"(The JSON names each image of each experience by its row in the source (and its file, where
it has one), with its label: enough for another program to load the same experiences.
'clsim stream import' turns it into a stream again.)";

constexpr const char* kImportFooter =
    R"(Opens the sources that the file names and compares them with what was recorded. Any
difference is an error (exit code 1) that says what differs. Data that lie elsewhere:
  --source '{idx: {folder: /data/mnist}}'     as often as the file has sources, in their order

With --out the stream becomes a part of a suite, with the transform it was exported with.)";

constexpr const char* kPicture = ".png";

SuiteStream choose(const StreamChoice& options) {
  std::vector<Override> overrides;
  for (const std::string& text : options.overrides) overrides.push_back(parse_override(text));
  const auto streams = load_suite_streams(options.suite, overrides, options.seed);
  SuiteStream chosen =
      options.only.empty() ? streams.front() : stream_of_run(streams, options.only);
  if (streams.size() > 1) {
    const SuiteStream::Run& run = chosen.runs.front();
    log::info("the suite has {} different streams; this is that of {}{}; --only chooses another",
              streams.size(), run.id.empty() ? "" : "run " + run.id + ", ", run.label);
  }
  return chosen;
}

std::string heading(const SuiteStream& chosen) {
  return fmt::format("{}, seed {}", config::choice(chosen.choice).name, chosen.seed);
}

void write_png(const fs::path& file, const cv::Mat& rgb) {
  cv::Mat bgr;
  cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
  std::vector<uint8_t> bytes;
  if (!cv::imencode(kPicture, bgr, bytes)) {
    throw Error(fmt::format("{}: the picture cannot be encoded", file.string()));
  }
  Replacement out(followed(file));
  out.write(bytes.data(), bytes.size());
  out.finish();
}

int show(const ShowOptions& options) {
  if (!options.out.empty() && !options.out.ends_with(kPicture)) {
    throw ConfigError(
        {}, "--out",
        fmt::format("expected a name that ends in {}, found '{}'", kPicture, options.out));
  }
  if (!options.out.empty()) require_writable(options.out);
  const SuiteStream chosen = choose(options.stream);
  const auto stream = chosen.make(options.stream.data);
  summary_beside(options.out) << fmt::format("stream     {}\n{}", heading(chosen),
                                             describe(*stream));
  if (options.out.empty()) return kFine;
  write_png(options.out, draw(make_sheet(*stream, chosen.choice, heading(chosen), options.limits)));
  log::info("written: {}", options.out);
  return kFine;
}

int export_to_file(const ExportOptions& options) {
  require_writable(options.out);
  std::ostream& summary = summary_beside(options.out);
  const SuiteStream chosen = choose(options.stream);
  const auto stream = chosen.make(options.stream.data);
  const PlanRecord record = export_stream(chosen, *stream, options.stream.data, options.out);
  summary << fmt::format("stream     {}\nrecord     digest {}\n{}", heading(chosen),
                         record.digest(), describe(*stream));
  log::info("written: {}", options.out);
  return kFine;
}

int import_from_file(const ImportOptions& options) {
  if (!options.out.empty()) require_writable(options.out);
  const fs::path here = fs::current_path();
  std::vector<config::Node> sources;
  for (const std::string& text : options.sources) {
    sources.push_back(config::Node::parse(text, "--source", here));
    ImageSources::get().check(sources.back());
  }
  const PlanRecord record = read_plan_json(options.file);
  const config::Node choice = exported_choice(record, options.file, sources, here);
  const auto stream = SuiteStream{choice, record.seed, 0, {}}.make(options.data);
  summary_beside(options.out) << fmt::format(
      "stream     {}\nmade by    {}, seed {}\nrecord     digest {}\n{}", printable(options.file),
      printable(record.stream), record.seed, record.digest(), describe(*stream));
  if (options.out.empty()) return kFine;
  const std::string text = suite_fragment(
      record, options.file,
      exported_choice(record, options.file, sources, fs::path(options.out).parent_path()));
  Replacement out(followed(options.out));
  out.write(text.data(), text.size());
  out.finish();
  log::info("written: {}", options.out);
  return kFine;
}

void add_choice(CLI::App& verb, StreamChoice& options) {
  verb.add_option("suite", options.suite, "YAML file")->required()->type_name("SUITE");
  verb.add_option("--data", options.data, "folder of the data sets; default: $CLSIM_DATA")
      ->type_name("DIR");
  verb.add_option("--only", options.only,
                  "the stream of the run of this id (its beginning will do) or label")
      ->type_name("ID");
  verb.add_option("--seed", options.seed, "of the stream, in place of the suite's")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  verb.add_option("--set", options.overrides,
                  "a setting that wins over the suite, as stream.split_images.increment=5; may be "
                  "repeated")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
}

void add_show_stream(CLI::App& parent, Action& chosen) {
  auto options = std::make_shared<ShowOptions>();
  CLI::App* verb = parent.add_subcommand("show", "Its numbers, and its images on a contact sheet");
  add_choice(*verb, options->stream);
  verb->add_option("--out", options->out, "picture to draw, .png")->type_name("FILE");
  verb->add_option("--images", options->limits.images, "a class; default: as many as go well")
      ->type_name("N")
      ->check(CLI::Range(1, 100));
  verb->add_option("--classes", options->limits.classes, "an experience, at most")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  verb->add_option("--experiences", options->limits.experiences, "at most")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  verb->footer(kShowFooter);
  verb->callback([&chosen, options] { chosen = [options] { return show(*options); }; });
}

void add_export(CLI::App& parent, Action& chosen) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* verb = parent.add_subcommand("export", "Every image of it by name, as JSON");
  add_choice(*verb, options->stream);
  verb->add_option("--out", options->out, "file to write, .json")->required()->type_name("FILE");
  verb->footer(kExportFooter);
  verb->callback([&chosen, options] { chosen = [options] { return export_to_file(*options); }; });
}

void add_import(CLI::App& parent, Action& chosen) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App* verb =
      parent.add_subcommand("import", "Check an exported stream against the data here");
  verb->add_option("file", options->file, "what 'clsim stream export' wrote")
      ->required()
      ->type_name("JSON");
  verb->add_option("--out", options->out, "part of a suite to write, .yaml")->type_name("FILE");
  verb->add_option("--data", options->data, "folder of the data sets; default: $CLSIM_DATA")
      ->type_name("DIR");
  verb->add_option("--source", options->sources, "in place of a recorded one; may be repeated")
      ->type_name("YAML")
      ->allow_extra_args(false);
  verb->footer(kImportFooter);
  verb->callback([&chosen, options] { chosen = [options] { return import_from_file(*options); }; });
}

}  // namespace

void add_stream(CLI::App& app, Action& chosen) {
  CLI::App* verb = app.add_subcommand("stream", "See the stream of a suite, write it, read it");
  verb->require_subcommand(1);
  add_show_stream(*verb, chosen);
  add_export(*verb, chosen);
  add_import(*verb, chosen);
}

}  // namespace cl::experiments::cli
