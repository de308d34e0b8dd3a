#include "experiments/stream_manifest.h"

#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/base/replacement.h"
#include "core/config/registry.h"
#include "core/config/scalar.h"
#include "core/stream/plan_json.h"
#include "core/stream/source_choices.h"

namespace cl::experiments {
namespace {

namespace fs = std::filesystem;

/// The choice with all its defaults, on one line.
std::string whole(const Catalogue& catalogue, const config::Node& choice) {
  return config::write_flow(config::Node::parse(catalogue.write(choice, 0), "built in"));
}

std::string source_text(const config::Node& source, const fs::path& folder) {
  return whole(ImageSources::get(), seen_from(folder, source));
}

}  // namespace

PlanRecord export_stream(const SuiteStream& chosen, const Stream& stream, const fs::path& data_root,
                         const fs::path& file) {
  if (stream.plan() == nullptr) {
    throw Error(
        fmt::format("stream '{}' takes no images from a source, so there are none to name: "
                    "its options and its seed make it again",
                    config::choice(chosen.choice).name));
  }
  PlanRecord record = record_plan(*stream.plan(), data_root);
  record.stream = whole(Streams::get(), chosen.choice);
  record.seed = chosen.seed;
  const fs::path folder = file.parent_path();
  for (RecordedSource& source : record.sources) {
    source.choice = config::Node::parse(source_text(source.choice, folder), file.string(), folder);
  }
  const std::string text = to_json(record);
  Replacement out(followed(file));
  out.write(text.data(), text.size());
  out.finish();
  return record;
}

config::Node exported_choice(const PlanRecord& record, const fs::path& file,
                             const std::vector<config::Node>& sources, const fs::path& folder) {
  const fs::path from = fs::absolute(folder / ".").lexically_normal();
  fs::path seen = fs::absolute(file).lexically_normal().lexically_proximate(from);
  // What was named in full and lies elsewhere stays so.
  if (file.is_absolute() && *seen.begin() == "..") seen = file;
  std::vector<std::string> others;
  for (const config::Node& source : sources) others.push_back(source_text(source, folder));
  const auto made_by = config::Node::parse(record.stream, file.string() + ": stream");
  const config::Node transform = config::choice(made_by).options.at_or_null("transform");
  const std::string text = fmt::format("exported:\n  file: {}\n  sources: [{}]\n  transform: {}\n",
                                       config::write_text(seen.string()), fmt::join(others, ", "),
                                       transform.is_null() ? "{}" : config::write_flow(transform));
  return config::Node::parse(text, file.string(), from);
}

std::string suite_fragment(const PlanRecord& record, const fs::path& file,
                           const config::Node& choice) {
  const auto made_by = config::Node::parse(record.stream, file.string() + ": stream");
  return fmt::format("# What '{}' made with seed {}, image by image (digest {}).\nstream:\n{}",
                     config::choice(made_by).name, record.seed, record.digest(),
                     Streams::get().write(choice, 2));
}

}  // namespace cl::experiments
