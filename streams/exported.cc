// A stream as `clsim stream export` wrote it: every image by its row, whatever scenario chose them.
//
// The data must be those of the record, to the byte; where they lie may differ. Given the
// transform of the stream that was exported, every data set has the same id as there.
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/stream/image_stream.h"
#include "core/stream/plan_json.h"

namespace cl {
namespace {

constexpr size_t kMostDifferences = 12;  // in one message

/// The plan of a file, on the data of this machine.
StreamPlan open_plan(const std::filesystem::path& file, const std::vector<config::Node>& sources,
                     const std::filesystem::path& data_root) {
  PlanRecord record = read_plan_json(file);
  auto opened = open_sources(record, sources, data_root);
  std::vector<std::string> found = differences(record, opened);
  if (!found.empty()) {
    const size_t count = found.size();
    if (count > kMostDifferences) {
      found.resize(kMostDifferences);
      found.push_back(fmt::format("and {} more", count - kMostDifferences));
    }
    throw Error(fmt::format("{}: the data are not those that were recorded:\n  {}", file.string(),
                            fmt::join(found, "\n  ")));
  }
  StreamPlan plan = std::move(record.plan);
  plan.sources = std::move(opened);
  plan.choices = sources;
  if (sources.empty()) {
    for (const RecordedSource& source : record.sources) plan.choices.push_back(source.choice);
  }
  return plan;
}

class Exported final : public Stream {
 public:
  struct Options {
    config::Path file;
    std::vector<config::Node> sources;
    ImageTransform::Options transform;

    void fields(config::Fields& fields) {
      fields.field("file", file, "JSON file that 'clsim stream export' wrote");
      fields.plugins("sources", sources, ImageSource::kKind,
                     "in place of the recorded ones, for data that lie elsewhere; empty: as "
                     "recorded");
      fields.group("transform", transform, "from an image to the backbone's input");
    }
    void check(const config::Node& node) const {
      std::error_code ignored;
      if (!file.empty() && !std::filesystem::is_regular_file(file.resolve(), ignored)) {
        node.at_or_null("file").fail(fmt::format("there is no file '{}'", file.resolve().string()));
      }
    }
    [[nodiscard]] std::vector<int64_t> sample_shape() const { return cl::sample_shape(transform); }
  };

  Exported(const Options& options, const StreamParts& parts)
      : stream_(open(options, parts), options.transform, {}, parts.key) {}

  [[nodiscard]] const StreamInfo& info() const override { return stream_.info(); }
  [[nodiscard]] Experience experience(int64_t k) const override { return stream_.experience(k); }
  [[nodiscard]] const StreamPlan* plan() const override { return stream_.plan(); }

 private:
  static StreamPlan open(const Options& options, const StreamParts& parts) {
    if (options.file.empty()) {
      throw Error("exported: no stream is named; set 'file' to what 'clsim stream export' wrote");
    }
    return open_plan(options.file.resolve(), options.sources, parts.data_root);
  }

  PlannedStream stream_;
};

const RegisterStream<Exported> kRegistered{
    "exported",
    "a stream as 'clsim stream export' wrote it, image by image",
    "baseline",
    {.repeats_classes = true}};

}  // namespace
}  // namespace cl
