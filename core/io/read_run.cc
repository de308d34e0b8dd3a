#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/config/write.h"
#include "core/io/hdf5.h"
#include "core/io/hdf5_contents.h"
#include "core/io/run_file.h"

namespace cl {
namespace {

using hdf5::AnyArray;
using hdf5::Array;
using hdf5::Attribute;
using hdf5::File;

/// A file that keeps account of what has been read of it.
class RunReader {
 public:
  explicit RunReader(const std::filesystem::path& path) : file_(File::open(path)) {
    file_.require_self_contained();
  }

  AnyArray read(const std::string& name) {
    AnyArray array = file_.read(name);
    contents_.add(name, hdf5::digest(array));
    return array;
  }

  /// Those of the root but for the digest over all.
  std::map<std::string, Attribute> attributes() {
    auto all = file_.attributes("/");
    if (const auto stored = all.extract(kRecordDigest)) {
      if (const auto* text = std::get_if<std::string>(&stored.mapped())) record_digest_ = *text;
    }
    for (const auto& [name, value] : all) contents_.add("/", name, hdf5::digest(value));
    return all;
  }

  [[nodiscard]] std::vector<std::string> members(const std::string& group) const {
    return file_.members(group);
  }
  [[nodiscard]] bool is_group(const std::string& name) const { return file_.is_group(name); }
  [[noreturn]] void fail(const std::string& object, const std::string& problem) const {
    file_.fail(object, problem);
  }

  /// That all has been read, and is what was written; earlier files do not say.
  void check_digest() const {
    if (record_digest_ && *record_digest_ != contents_.digest()) {
      fail("/", "damaged: its values are not those that were written");
    }
  }

 private:
  File file_;
  hdf5::Contents contents_;
  std::optional<std::string> record_digest_;
};

constexpr int64_t kMaxNameParts = 16;

template <class Value>
constexpr const char* kTypeName = std::is_same_v<Value, int64_t>  ? "whole numbers"
                                  : std::is_same_v<Value, double> ? "numbers"
                                                                  : "texts";

/// The dataset `name`, which must hold values of that type along `rank` axes.
template <class Value>
Array<Value> read(RunReader& file, const std::string& name, size_t rank) {
  AnyArray any = file.read(name);
  auto* array = std::get_if<Array<Value>>(&any);
  if (array == nullptr) file.fail(name, fmt::format("expected {}", kTypeName<Value>));
  if (array->shape.size() != rank) {
    file.fail(name, fmt::format("expected {} axes, found {}", rank, array->shape.size()));
  }
  return std::move(*array);
}

template <class Value>
Value read_one(RunReader& file, const std::string& name) {
  return std::move(read<Value>(file, name, 0).values[0]);
}

/// A column of exactly that many values.
template <class Value>
std::vector<Value> read_column(RunReader& file, const std::string& name, size_t size) {
  std::vector<Value> values = read<Value>(file, name, 1).values;
  if (values.size() != size) {
    file.fail(name, fmt::format("expected {} values, found {}", size, values.size()));
  }
  return values;
}

size_t axis_size(RunReader& file, const std::string& scale) {
  return read<int64_t>(file, scale, 1).values.size();
}

/// An axis whose places go without saying.
void check_axis(RunReader& file, const std::string& scale, size_t size) {
  const auto places = read_column<int64_t>(file, scale, size);
  for (size_t i = 0; i < size; ++i) {
    if (places[i] != static_cast<int64_t>(i)) {
      file.fail(scale, fmt::format("expected {} at place {}, found {}", i, i, places[i]));
    }
  }
}

std::vector<int64_t> read_matrix(RunReader& file, const std::string& name, size_t rows,
                                 size_t columns) {
  Array<int64_t> array = read<int64_t>(file, name, 2);
  if (array.shape[0] != static_cast<int64_t>(rows) ||
      array.shape[1] != static_cast<int64_t>(columns)) {
    file.fail(name, fmt::format("expected the shape [{}, {}], found [{}, {}]", rows, columns,
                                array.shape[0], array.shape[1]));
  }
  return std::move(array.values);
}

AccuracyMatrix read_accuracy(RunReader& file, const std::string& name, size_t size) {
  const Array<double> array = read<double>(file, name, 2);
  const auto side = static_cast<int64_t>(size);
  if (array.shape != std::vector<int64_t>{side, side}) {
    file.fail(name, fmt::format("expected the shape [{0}, {0}], found [{1}, {2}]", side,
                                array.shape[0], array.shape[1]));
  }
  AccuracyMatrix matrix(side);
  for (int64_t i = 0; i < side * side; ++i) {
    const double accuracy = array.values[static_cast<size_t>(i)];
    if (std::isnan(accuracy)) continue;
    if (!(accuracy >= 0 && accuracy <= 1)) {
      file.fail(name, fmt::format("the accuracy {} is outside [0, 1]", accuracy));
    }
    matrix.set(i / side, i % side, accuracy);
  }
  return matrix;
}

void check_index(RunReader& file, const std::string& name, int64_t index, size_t size) {
  if (index < 0 || index >= static_cast<int64_t>(size)) {
    file.fail(name, fmt::format("the experience {} is not one of {}", index, size));
  }
}

void read_identity(RunReader& file, RunRecord& run) {
  run.id = read_one<std::string>(file, "/run/id");
  run.suite = read_one<std::string>(file, "/run/suite");
  run.label = read_one<std::string>(file, "/run/label");
  run.spec = read_one<std::string>(file, "/run/spec");
  run.learner = read_one<std::string>(file, "/run/learner");
  run.stream = read_one<std::string>(file, "/run/stream");
  run.backbone = read_one<std::string>(file, "/run/backbone");
  run.stream_seed = read_one<int64_t>(file, "/run/stream_seed");
  run.model_seed = read_one<int64_t>(file, "/run/model_seed");
  for (const std::string& name : file.members("/digests")) {
    run.digests[name] = read_one<std::string>(file, "/digests/" + name);
  }
}

void read_experiences(RunReader& file, RunRecord& run) {
  const std::string group = "/experiences/";
  const size_t size = axis_size(file, group + "experience");
  const auto names = read_column<std::string>(file, group + "name", size);
  const auto num_train = read_column<int64_t>(file, group + "num_train", size);
  const auto num_test = read_column<int64_t>(file, group + "num_test", size);
  const auto num_classes = read_column<int64_t>(file, group + "num_classes", size);
  const auto classes = read<int64_t>(file, group + "classes", 1).values;
  check_axis(file, group + "class_slot", classes.size());
  size_t next = 0;
  for (size_t i = 0; i < size; ++i) {
    const int64_t left = static_cast<int64_t>(classes.size() - next);
    if (num_classes[i] < 0 || num_classes[i] > left) {
      file.fail(group + "num_classes",
                fmt::format("{} classes, {} are left", num_classes[i], left));
    }
    const auto begin = classes.begin() + static_cast<int64_t>(next);
    run.experiences.push_back(
        {names[i], num_train[i], num_test[i], {begin, begin + num_classes[i]}});
    next += static_cast<size_t>(num_classes[i]);
  }
}

/// Cuts the predictions of all samples back into one Evaluation per pair of experiences.
void read_predictions(RunReader& file, RunRecord& run) {
  const std::string group = "/predictions/";
  const size_t size = run.experiences.size();
  check_axis(file, group + "after", size);
  const size_t num_samples = axis_size(file, group + "sample");
  const auto experience = read_column<int64_t>(file, group + "experience", num_samples);
  const auto label = read_column<int64_t>(file, group + "label", num_samples);
  const auto prediction = read_matrix(file, group + "prediction", size, num_samples);
  const auto task_prediction = read_matrix(file, group + "task_prediction", size, num_samples);
  for (size_t i = 0; i < num_samples; ++i) {
    check_index(file, group + "experience", experience[i], size);
    if (i > 0 && experience[i] < experience[i - 1]) {
      file.fail(group + "experience", "expected the experiences one after the other");
    }
  }
  for (size_t after = 0; after < size; ++after) {
    const size_t row = after * num_samples;
    for (size_t begin = 0, end = 0; begin < num_samples; begin = end) {
      while (end < num_samples && experience[end] == experience[begin]) ++end;
      if (prediction[row + begin] < 0) continue;
      const auto cut = [&](const std::vector<int64_t>& all, size_t offset) {
        return std::vector<int64_t>(all.begin() + static_cast<int64_t>(offset + begin),
                                    all.begin() + static_cast<int64_t>(offset + end));
      };
      run.evaluations.push_back({static_cast<int64_t>(after), experience[begin], cut(label, 0),
                                 cut(prediction, row), cut(task_prediction, row)});
    }
  }
}

void read_expansions(RunReader& file, RunRecord& run) {
  const std::string group = "/expansions/";
  const size_t size = axis_size(file, group + "row");
  const auto experience = read_column<int64_t>(file, group + "experience", size);
  const auto step = read_column<int64_t>(file, group + "step", size);
  const auto layer = read_column<int64_t>(file, group + "layer", size);
  const auto module = read_column<std::string>(file, group + "module", size);
  const auto added = read_column<int64_t>(file, group + "added_parameters", size);
  for (size_t i = 0; i < size; ++i) {
    check_index(file, group + "experience", experience[i], run.experiences.size());
    run.expansions.push_back({experience[i], step[i], layer[i], module[i], added[i]});
  }
}

void read_sizes(RunReader& file, RunRecord& run) {
  const std::string group = "/sizes/";
  const auto after = read<int64_t>(file, group + "after", 1).values;
  const size_t size = after.size();
  const size_t depth = axis_size(file, group + "block");
  const auto trainable = read_column<int64_t>(file, group + "trainable", size);
  const auto added = read_column<int64_t>(file, group + "added", size);
  const auto total = read_column<int64_t>(file, group + "total", size);
  const auto adapters = read_matrix(file, group + "adapters", size, depth);
  for (size_t i = 0; i < size; ++i) {
    check_index(file, group + "after", after[i], run.experiences.size());
    if (i > 0 && after[i] <= after[i - 1]) file.fail(group + "after", "expected growing numbers");
    const auto begin = adapters.begin() + static_cast<int64_t>(i * depth);
    run.sizes.push_back({after[i],
                         {trainable[i], added[i], total[i]},
                         {begin, begin + static_cast<int64_t>(depth)}});
  }
}

EventTable read_table(RunReader& file, const std::string& group) {
  const size_t size = axis_size(file, group + "/row");
  EventTable table;
  for (const std::string& name : file.members(group)) {
    if (name == "row") continue;
    const std::string path = fmt::format("{}/{}", group, name);
    AnyArray any = file.read(path);
    EventColumn column{name, {}};
    if (std::holds_alternative<hdf5::Numbers>(any)) {
      column.values = read_column<double>(file, path, size);
    } else {
      column.values = read_column<int64_t>(file, path, size);
    }
    table.push_back(std::move(column));
  }
  return table;
}

/// Series of all groups below `group`: a name with slashes is a path of groups.
void read_scalars(RunReader& file, const std::string& group, const std::string& prefix,
                  RunRecord& run) {
  if (std::count(prefix.begin(), prefix.end(), '/') > kMaxNameParts) {
    file.fail(group, "groups that contain themselves, or far too deep");
  }
  for (const std::string& name : file.members(group)) {
    const std::string path = fmt::format("{}/{}", group, name);
    if (name == "value") {
      ScalarSeries series;
      series.steps = read<int64_t>(file, group + "/step", 1).values;
      series.values = read_column<double>(file, path, series.steps.size());
      run.scalars[prefix] = std::move(series);
    } else if (file.is_group(path)) {
      read_scalars(file, path, prefix.empty() ? name : fmt::format("{}/{}", prefix, name), run);
    }
  }
}

void read_log(RunReader& file, RunRecord& run) {
  read_scalars(file, "/scalars", "", run);
  for (const std::string& name : file.members("/tables")) {
    run.tables[name] = read_table(file, "/tables/" + name);
  }
}

/// Everything but the schema's own attributes, once these say that the file is ours.
void read_circumstances(RunReader& file, RunRecord& run) {
  auto attributes = file.attributes();
  const auto schema = attributes.extract("schema");
  const auto version = attributes.extract("schema_version");
  const auto* name = schema ? std::get_if<std::string>(&schema.mapped()) : nullptr;
  const auto* number = version ? std::get_if<int64_t>(&version.mapped()) : nullptr;
  if (name == nullptr || *name != "clsim_run" || number == nullptr) {
    file.fail(
        "/",
        "not a run file: the attributes 'schema' = 'clsim_run' and 'schema_version' are missing");
  }
  if (*number != kRunFileVersion) {
    file.fail("/", fmt::format("found schema version {}, expected {}: {}", *number, kRunFileVersion,
                               *number > kRunFileVersion ? "read it with a newer clsim"
                                                         : "run it again with this clsim"));
  }
  constexpr std::string_view kSeconds = "seconds.", kFlops = "operations.";
  for (const auto& [key, value] : attributes) {
    if (const auto* text = std::get_if<std::string>(&value)) run.provenance[key] = *text;
    if (const auto* seconds = std::get_if<double>(&value); seconds && key.starts_with(kSeconds)) {
      run.seconds[key.substr(kSeconds.size())] = *seconds;
    }
    const auto* flops = std::get_if<std::vector<double>>(&value);
    if (flops != nullptr && key.starts_with(kFlops)) run.flops[key.substr(kFlops.size())] = *flops;
  }
}

/// That the accuracies are those of the predictions, and none is without.
void check_accuracies(const RunReader& file, const RunRecord& run) {
  AccuracyMatrix accuracy(run.num_experiences()), task_accuracy(run.num_experiences());
  for (const auto& [after, on, labels, predictions, task_predictions] : run.evaluations) {
    accuracy.set(after, on, accuracy_of(labels, predictions));
    task_accuracy.set(after, on, accuracy_of(labels, task_predictions));
  }
  for (const auto& [name, stored, right] :
       {std::tuple("/accuracy", &run.accuracy, &accuracy),
        std::tuple("/task_accuracy", &run.task_accuracy, &task_accuracy)}) {
    for (int64_t i = 0; i < right->size() * right->size(); ++i) {
      const int64_t after = i / right->size(), on = i % right->size();
      const double found = stored->at(after, on), expected = right->at(after, on);
      if (found == expected || (std::isnan(found) && std::isnan(expected))) continue;
      file.fail(name, fmt::format("says {} on experience {} after {}, but the predictions have {}",
                                  found, on, after, expected));
    }
  }
}

void check_identity(const RunReader& file, const RunRecord& run) {
  if (run.id.empty() && run.spec.empty()) return;  // of which nothing is known yet
  const std::string right = config::digest(run.spec);
  if (run.id != right) {
    file.fail("/run/id", fmt::format("says '{}', but the spec is that of run '{}'", run.id, right));
  }
}

}  // namespace

RunRecord read_run(const std::filesystem::path& file) {
  RunReader in(file);
  RunRecord run;
  read_circumstances(in, run);
  read_identity(in, run);
  read_experiences(in, run);
  check_axis(in, "/after", run.experiences.size());
  check_axis(in, "/on", run.experiences.size());
  run.accuracy = read_accuracy(in, "/accuracy", run.experiences.size());
  run.task_accuracy = read_accuracy(in, "/task_accuracy", run.experiences.size());
  for (size_t k = 0; k < run.experiences.size(); ++k) {
    if (run.experiences[k].num_test > 0) continue;
    run.accuracy.exclude(static_cast<int64_t>(k));
    run.task_accuracy.exclude(static_cast<int64_t>(k));
  }
  read_predictions(in, run);
  read_expansions(in, run);
  read_sizes(in, run);
  read_log(in, run);
  in.check_digest();
  check_identity(in, run);
  check_accuracies(in, run);
  return run;
}

}  // namespace cl
