#include "experiments/suite_streams.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/config/read.h"
#include "experiments/inputs.h"
#include "experiments/run_spec.h"

namespace cl::experiments {
namespace {

/// A file that describes a stream and no more.
struct StreamFile {
  std::string suite;
  config::Node stream;
  Seeds seeds;

  void fields(config::Fields& fields) {
    fields.field("suite", suite, "a name");
    fields.plugin("stream", stream, Stream::kKind, "the problem");
    fields.group("seeds", seeds, "a single number stands for both");
  }
};

/// The stream of one point of a sweep.
SuiteStream stream_of(const Point& point) {
  if (point.suite.contains("backbone") || point.suite.contains("learner")) {
    const RunSpec spec = read_run_spec(point.suite);
    return {spec.settings.stream,
            spec.settings.seeds.stream,
            spec.settings.first_experiences,
            {{spec.id(), point.label}}};
  }
  const auto file = config::read<StreamFile>(split_seeds(point.suite));
  return {file.stream, file.seeds.stream, 0, {{{}, point.label}}};
}

}  // namespace

std::string SuiteStream::canonical() const {
  return Streams::get().write(choice, 0);
}

std::unique_ptr<Stream> SuiteStream::make(const std::filesystem::path& data_root) const {
  return open_stream(choice, seed, first_experiences, data_root);
}

std::vector<SuiteStream> load_suite_streams(const std::filesystem::path& file,
                                            const std::vector<Override>& overrides,
                                            std::optional<int64_t> seed) {
  std::vector<SuiteStream> result;
  for (const Point& point : expand(config::Node::load(file), overrides)) {
    SuiteStream stream = stream_of(point);
    stream.seed = seed.value_or(stream.seed);
    const auto same = std::find_if(result.begin(), result.end(), [&](const SuiteStream& other) {
      return other.seed == stream.seed && other.first_experiences == stream.first_experiences &&
             other.canonical() == stream.canonical();
    });
    if (same == result.end()) {
      result.push_back(std::move(stream));
    } else {
      same->runs.push_back(std::move(stream.runs.front()));
    }
  }
  return result;
}

const SuiteStream& stream_of_run(const std::vector<SuiteStream>& streams, const std::string& word) {
  const auto matches = [&](const SuiteStream::Run& run) {
    return !word.empty() && (run.label == word || run.id.starts_with(word));
  };
  for (const SuiteStream& stream : streams) {
    if (std::any_of(stream.runs.begin(), stream.runs.end(), matches)) return stream;
  }
  throw ConfigError({}, "--only",
                    fmt::format("no run of the suite is '{}'; 'clsim check' lists them", word));
}

}  // namespace cl::experiments
