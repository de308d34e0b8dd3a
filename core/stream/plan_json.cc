#include "core/stream/plan_json.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/config/scalar.h"
#include "core/stream/json_place.h"

namespace cl {
namespace {

namespace fs = std::filesystem;
using Json = JsonPlace::Json;

constexpr const char* kFormat = "clsim stream";
constexpr int64_t kVersion = 2;
constexpr int64_t kFirstVersion = 1;  // had no "origin_digest"
constexpr const char* kContentGives = "what the file says gives";
constexpr double kFullTurn = 360;  // degrees
constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
constexpr std::array<Scenario, 4> kRecordedScenarios{Scenario::kTask, Scenario::kDomain,
                                                     Scenario::kClass, Scenario::kTaskFree};

// ---- writing ----

/// Lists of plain values on one line, everything else on lines of its own.
void append(const Json& json, size_t indent, std::string& text) {
  const bool open = json.is_object() || std::any_of(json.begin(), json.end(), [](const Json& item) {
                      return item.is_structured();
                    });
  if (!json.is_structured() || json.empty() || !open) {
    text += json.dump();
    return;
  }
  text += json.is_object() ? "{" : "[";
  const char* separator = "\n";
  for (const auto& [key, value] : json.items()) {
    text += separator + std::string(indent + 1, ' ');
    if (json.is_object()) text += Json(key).dump() + ": ";
    append(value, indent + 1, text);
    separator = ",\n";
  }
  text += "\n" + std::string(indent, ' ') + (json.is_object() ? "}" : "]");
}

Json selection(const ImageSelection& images, const std::vector<std::string>& names) {
  return {{"split", name(images.split)},
          {"rows", images.rows},
          {"labels", images.labels},
          {"names", names}};
}

Json experience(const ExperiencePlan& plan, const RecordedNames& names, const std::string& digest) {
  Json facts = Json::object();
  for (const auto& [fact, value] : plan.facts) facts[fact] = value;
  return {{"name", plan.name},
          {"source", plan.source},
          {"classes", plan.classes},
          {"shift",
           {{"kind", plan.shift.kind}, {"amount", plan.shift.amount}, {"seed", plan.shift.seed}}},
          {"facts", std::move(facts)},
          {"train", selection(plan.train, names.train)},
          {"test", selection(plan.test, names.test)},
          {"digest", digest}};
}

Json document(const PlanRecord& record) {
  Json sources = Json::array(), experiences = Json::array();
  for (const RecordedSource& source : record.sources) {
    sources.push_back({{"choice", config::write_flow(source.choice)},
                       {"digest", source.digest},
                       {"class_names", source.class_names},
                       {"train", source.num_train},
                       {"test", source.num_test}});
  }
  const auto digests = record.experience_digests();
  for (size_t k = 0; k < digests.size(); ++k) {
    experiences.push_back(experience(record.plan.experiences[k], record.names[k], digests[k]));
  }
  const StreamInfo& info = record.plan.info;
  return {
      {"format", kFormat},
      {"version", kVersion},
      {"stream", record.stream},
      {"seed", record.seed},
      {"origin_digest", record.origin_digest()},
      {"info",
       {{"name", info.name}, {"scenario", name(info.scenario)}, {"class_names", info.class_names}}},
      {"sources", std::move(sources)},
      {"experiences", std::move(experiences)},
      {"digest", record.digest()}};
}

// ---- reading ----

/// @return the version
int64_t check_format(const JsonPlace& root) {
  const JsonPlace format = root.at("format");
  if (format.text() != kFormat) {
    format.fail(fmt::format("expected '{}', as 'clsim stream export' writes it, found '{}'",
                            kFormat, format.text()));
  }
  const JsonPlace place = root.at("version");
  const int64_t version = place.integer(0, kMost);
  if (version < kFirstVersion || version > kVersion) {
    place.fail(fmt::format("expected {} to {}, which is all that this program reads, found {}",
                           kFirstVersion, kVersion, version));
  }
  return version;
}

template <class Named, size_t N>
Named named(const JsonPlace& place, const std::array<Named, N>& all) {
  std::vector<std::string_view> names;
  for (const Named value : all) names.push_back(name(value));
  const std::string text = place.text();
  const auto found = std::find(names.begin(), names.end(), text);
  if (found != names.end()) return all[static_cast<size_t>(found - names.begin())];
  place.fail(fmt::format("expected one of '{}', found '{}'", fmt::join(names, "', '"), text));
}

RecordedSource read_source(const JsonPlace& place, const fs::path& file) {
  place.expect_keys({"choice", "digest", "class_names", "train", "test"});
  const JsonPlace choice = place.at("choice");
  RecordedSource source;
  source.choice = config::Node::parse(
      choice.text(), fmt::format("{}: {}", file.string(), choice.path()), file.parent_path());
  ImageSources::get().check(source.choice);
  source.digest = place.at("digest").text();
  source.class_names = place.at("class_names").texts();
  source.num_train = place.at("train").integer(0, kMost);
  source.num_test = place.at("test").integer(0, kMost);
  return source;
}

/// What a shift of that kind may come to.
std::pair<double, double> amounts(std::string_view kind) {
  if (kind == "rotation") return {-kFullTurn, kFullTurn};
  if (kind == "none" || kind == "permutation") return {0, 0};
  return {0, kLargestSeverity};
}

ImageShift read_shift(const JsonPlace& place) {
  place.expect_keys({"kind", "amount", "seed"});
  const ImageShift shift{.kind = place.at("kind").text(),
                         .amount = place.at("amount").number(),
                         .seed = place.at("seed").unsigned_integer()};
  const auto kinds = image_shift_kinds();
  if (std::find(kinds.begin(), kinds.end(), shift.kind) == kinds.end()) {
    place.at("kind").fail(
        fmt::format("expected one of {}, found '{}'", fmt::join(kinds, ", "), shift.kind));
  }
  const auto [least, most] = amounts(shift.kind);
  if (!(shift.amount >= least && shift.amount <= most)) {
    place.at("amount").fail(
        fmt::format("expected {} to {} for '{}', found {}", least, most, shift.kind, shift.amount));
  }
  return shift;
}

/// @param names  what stands at "names"
ImageSelection read_selection(const JsonPlace& place, const RecordedSource& source,
                              int64_t num_classes, std::vector<std::string>& names) {
  place.expect_keys({"split", "rows", "labels", "names"});
  ImageSelection images;
  images.split = named(place.at("split"), std::array{Split::kTrain, Split::kTest});
  images.rows = place.at("rows").integers(0, source.size(images.split) - 1);
  images.labels = place.at("labels").integers(0, num_classes - 1);
  names = place.at("names").texts();
  if (images.labels.size() != images.rows.size()) {
    place.at("labels").fail(fmt::format("expected {}, one for each row, found {}",
                                        images.rows.size(), images.labels.size()));
  }
  if (!names.empty() && names.size() != images.rows.size()) {
    place.at("names").fail(fmt::format("expected {}, one for each row, or none; found {}",
                                       images.rows.size(), names.size()));
  }
  return images;
}

std::vector<int64_t> read_classes(const JsonPlace& place, int64_t num_classes) {
  std::vector<int64_t> classes = place.integers(0, num_classes - 1);
  const auto wrong = std::adjacent_find(classes.begin(), classes.end(), std::greater_equal<>());
  if (wrong != classes.end()) {
    place.fail_at(static_cast<size_t>(wrong - classes.begin()) + 1,
                  fmt::format("expected ascending class ids, found {} after {}", wrong[1], *wrong));
  }
  return classes;
}

ExperiencePlan read_experience(const JsonPlace& place, const PlanRecord& record,
                               RecordedNames& names) {
  place.expect_keys({"name", "source", "classes", "shift", "facts", "train", "test", "digest"});
  const auto num_sources = static_cast<int64_t>(record.sources.size());
  const int64_t num_classes = record.plan.info.num_classes;
  ExperiencePlan plan;
  plan.name = place.at("name").text();
  plan.source = static_cast<size_t>(place.at("source").integer(0, num_sources - 1));
  plan.classes = read_classes(place.at("classes"), num_classes);
  plan.shift = read_shift(place.at("shift"));
  for (const auto& [fact, value] : place.at("facts").entries()) {
    plan.facts.emplace_back(fact, value.number());
  }
  const RecordedSource& source = record.sources[plan.source];
  plan.train = read_selection(place.at("train"), source, num_classes, names.train);
  plan.test = read_selection(place.at("test"), source, num_classes, names.test);
  if (plan.train.split != Split::kTrain) {
    place.at("train").at("split").fail("expected 'train', found 'test'");
  }
  if (plan.train.rows.empty()) {
    place.at("train").at("rows").fail("expected at least one image, found none");
  }
  const JsonPlace labels = place.at("train").at("labels");
  for (size_t i = 0; i < plan.train.labels.size(); ++i) {
    const int64_t label = plan.train.labels[i];
    if (std::binary_search(plan.classes.begin(), plan.classes.end(), label)) continue;
    labels.fail_at(i, fmt::format("{} is none of the experience's classes", label));
  }
  return plan;
}

void check_digest(const JsonPlace& place, std::string_view what_gives, const std::string& found) {
  const std::string recorded = place.text();
  if (recorded == found) return;
  place.fail(fmt::format("{} the digest {}, recorded is {}: it was changed or damaged", what_gives,
                         found, recorded));
}

}  // namespace

std::string to_json(const PlanRecord& record) {
  std::string text;
  try {
    append(document(record), 0, text);
  } catch (const Json::type_error& error) {
    throw Error(fmt::format("the stream cannot be written as JSON: {}", error.what()));
  }
  return text + "\n";
}

PlanRecord read_plan_json(const fs::path& file) {
  const JsonPlace root = JsonPlace::load(file);
  PlanRecord record;
  const bool has_origin_digest = check_format(root) > kFirstVersion;
  if (!has_origin_digest) {
    root.expect_keys(
        {"format", "version", "stream", "seed", "info", "sources", "experiences", "digest"});
  } else {
    root.expect_keys({"format", "version", "stream", "seed", "origin_digest", "info", "sources",
                      "experiences", "digest"});
  }
  record.stream = root.at("stream").text();
  record.seed = root.at("seed").integer(0, kMost);
  if (has_origin_digest) {
    check_digest(root.at("origin_digest"), "'stream' and 'seed' give", record.origin_digest());
  }

  const JsonPlace info = root.at("info");
  info.expect_keys({"name", "scenario", "class_names"});
  StreamInfo& stream = record.plan.info;
  stream.name = info.at("name").text();
  stream.scenario = named(info.at("scenario"), kRecordedScenarios);
  stream.class_names = info.at("class_names").texts();
  stream.num_classes = static_cast<int64_t>(stream.class_names.size());

  for (const JsonPlace& place : root.at("sources").items()) {
    record.sources.push_back(read_source(place, file));
  }
  const auto experiences = root.at("experiences").items();
  if (experiences.empty()) root.at("experiences").fail("expected at least one experience");
  for (const JsonPlace& place : experiences) {
    record.names.emplace_back();
    record.plan.experiences.push_back(read_experience(place, record, record.names.back()));
  }
  const auto digests = record.experience_digests();
  for (size_t k = 0; k < digests.size(); ++k) {
    check_digest(experiences[k].at("digest"), kContentGives, digests[k]);
  }
  check_digest(root.at("digest"), kContentGives, record.digest());
  return record;
}

}  // namespace cl
