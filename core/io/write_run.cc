#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/io/hdf5.h"
#include "core/io/hdf5_contents.h"
#include "core/io/run_file.h"

namespace cl {
namespace {

using hdf5::File;
using hdf5::Integers;
using hdf5::Numbers;
using hdf5::Texts;

int64_t length(const auto& values) {
  return static_cast<int64_t>(values.size());
}

std::vector<int64_t> counted(int64_t size) {
  std::vector<int64_t> places(static_cast<size_t>(size));
  std::iota(places.begin(), places.end(), 0);
  return places;
}

/// A one-dimensional array of `of(item)` for every item.
template <class Value>
hdf5::Array<Value> column(const auto& items, auto of) {
  hdf5::Array<Value> array{{length(items)}, {}};
  for (const auto& item : items) array.values.push_back(of(item));
  return array;
}

void write_matrices(File& file, const RunRecord& run) {
  const int64_t size = run.num_experiences();
  file.write_scale("/after", counted(size));
  file.write_scale("/on", counted(size));
  for (const auto& [name, matrix] :
       {std::pair("/accuracy", &run.accuracy), std::pair("/task_accuracy", &run.task_accuracy)}) {
    Numbers values{{size, size}, {}};
    for (int64_t i = 0; i < size * size; ++i) {
      values.values.push_back(matrix->at(i / size, i % size));
    }
    file.write(name, values, {"/after", "/on"});
  }
}

void write_identity(File& file, const RunRecord& run) {
  const auto text = [&](const std::string& name, const std::string& value) {
    file.write(name, Texts{{}, {value}});
  };
  file.make_group("/run");
  text("/run/id", run.id);
  text("/run/suite", run.suite);
  text("/run/label", run.label);
  text("/run/spec", run.spec);
  text("/run/learner", run.learner);
  text("/run/stream", run.stream);
  text("/run/backbone", run.backbone);
  file.write("/run/stream_seed", Integers{{}, {run.stream_seed}});
  file.write("/run/model_seed", Integers{{}, {run.model_seed}});
  file.make_group("/digests");
  for (const auto& [name, digest] : run.digests) text("/digests/" + name, digest);
}

void write_experiences(File& file, const RunRecord& run) {
  const auto& all = run.experiences;
  CL_CHECK(length(all) == run.num_experiences(), "{} experiences for matrices of size {}",
           all.size(), run.num_experiences());
  const std::string group = "/experiences";
  const std::string axis = group + "/experience";
  file.make_group(group);
  file.write_scale(axis, counted(length(all)));
  file.write(group + "/name", column<std::string>(all, [](auto& e) { return e.name; }), {axis});
  file.write(group + "/num_train", column<int64_t>(all, [](auto& e) { return e.num_train; }),
             {axis});
  file.write(group + "/num_test", column<int64_t>(all, [](auto& e) { return e.num_test; }), {axis});
  file.write(group + "/num_classes",
             column<int64_t>(all, [](auto& e) { return length(e.classes); }), {axis});
  Integers classes;
  for (const auto& experience : all) {
    classes.values.insert(classes.values.end(), experience.classes.begin(),
                          experience.classes.end());
  }
  classes.shape = {length(classes.values)};
  file.write_scale(group + "/class_slot", counted(length(classes.values)));
  file.write(group + "/classes", classes, {group + "/class_slot"});
}

void write_predictions(File& file, const RunRecord& run) {
  const int64_t num_experiences = run.num_experiences();
  std::vector<const Evaluation*> example(static_cast<size_t>(num_experiences), nullptr);
  for (const Evaluation& evaluation : run.evaluations) {
    example[static_cast<size_t>(evaluation.on)] = &evaluation;
  }
  Integers experience, label;
  std::vector<int64_t> first;  // sample of each experience
  for (int64_t on = 0; on < num_experiences; ++on) {
    first.push_back(length(label.values));
    const Evaluation* evaluation = example[static_cast<size_t>(on)];
    if (evaluation == nullptr) continue;
    label.values.insert(label.values.end(), evaluation->labels.begin(), evaluation->labels.end());
    experience.values.resize(label.values.size(), on);
  }
  const int64_t num_samples = length(label.values);
  experience.shape = label.shape = {num_samples};
  const Integers nothing{
      {num_experiences, num_samples},
      std::vector<int64_t>(static_cast<size_t>(num_experiences * num_samples), -1)};
  Integers prediction = nothing;
  Integers task_prediction = nothing;
  for (const Evaluation& evaluation : run.evaluations) {
    const int64_t start =
        evaluation.after * num_samples + first[static_cast<size_t>(evaluation.on)];
    std::copy(evaluation.predictions.begin(), evaluation.predictions.end(),
              prediction.values.begin() + start);
    std::copy(evaluation.task_predictions.begin(), evaluation.task_predictions.end(),
              task_prediction.values.begin() + start);
  }
  const std::string group = "/predictions";
  file.make_group(group);
  file.write_scale(group + "/after", counted(num_experiences));
  file.write_scale(group + "/sample", counted(num_samples));
  file.write(group + "/experience", experience, {group + "/sample"});
  file.write(group + "/label", label, {group + "/sample"});
  file.write(group + "/prediction", prediction, {group + "/after", group + "/sample"});
  file.write(group + "/task_prediction", task_prediction, {group + "/after", group + "/sample"});
}

void write_growth(File& file, const RunRecord& run) {
  const auto& all = run.expansions;
  std::string group = "/expansions";
  std::string axis = group + "/row";
  file.make_group(group);
  file.write_scale(axis, counted(length(all)));
  const auto integers = [&](const std::string& name, const auto& items, auto of) {
    file.write(group + "/" + name, column<int64_t>(items, of), {axis});
  };
  integers("experience", all, [](auto& e) { return e.experience; });
  integers("step", all, [](auto& e) { return e.step; });
  integers("layer", all, [](auto& e) { return e.layer; });
  integers("added_parameters", all, [](auto& e) { return e.added_parameters; });
  file.write(group + "/module", column<std::string>(all, [](auto& e) { return e.module; }), {axis});

  group = "/sizes";
  axis = group + "/after";
  file.make_group(group);
  file.write_scale(axis, column<int64_t>(run.sizes, [](auto& s) { return s.after; }).values);
  integers("trainable", run.sizes, [](auto& s) { return s.count.trainable; });
  integers("added", run.sizes, [](auto& s) { return s.count.added; });
  integers("total", run.sizes, [](auto& s) { return s.count.total; });
  const int64_t depth = run.sizes.empty() ? 0 : length(run.sizes.front().adapters_per_block);
  Integers adapters{{length(run.sizes), depth}, {}};
  for (const SizeRecord& size : run.sizes) {
    adapters.values.insert(adapters.values.end(), size.adapters_per_block.begin(),
                           size.adapters_per_block.end());
  }
  file.write_scale(group + "/block", counted(depth));
  file.write(group + "/adapters", adapters, {axis, group + "/block"});
}

void write_log(File& file, const RunRecord& run) {
  std::set<std::string> made{"/scalars"};
  file.make_group("/scalars");
  for (const auto& [name, series] : run.scalars) {
    const std::string group = "/scalars/" + name;
    for (size_t slash = group.find('/', 1); slash != std::string::npos;) {
      slash = group.find('/', slash + 1);
      const std::string part = group.substr(0, slash);
      if (made.insert(part).second) file.make_group(part);
    }
    file.write_scale(group + "/step", series.steps);
    file.write(group + "/value", Numbers{{length(series.values)}, series.values},
               {group + "/step"});
  }
  file.make_group("/tables");
  for (const auto& [name, table] : run.tables) {
    const std::string group = "/tables/" + name;
    file.make_group(group);
    file.write_scale(group + "/row", counted(table.empty() ? 0 : table.front().size()));
    for (const EventColumn& cells : table) {
      const auto array = std::visit(
          [](const auto& values) -> hdf5::AnyArray {
            using Value = typename std::decay_t<decltype(values)>::value_type;
            return hdf5::Array<Value>{{length(values)}, values};
          },
          cells.values);
      file.write(group + "/" + cells.name, array, {group + "/row"});
    }
  }
}

void write_circumstances(File& file, const RunRecord& run) {
  file.write_attribute("/", "schema", std::string("clsim_run"));
  file.write_attribute("/", "schema_version", kRunFileVersion);
  for (const auto& [name, text] : run.provenance) file.write_attribute("/", name, text);
  for (const auto& [phase, seconds] : run.seconds) {
    file.write_attribute("/", "seconds." + phase, seconds);
  }
  for (const auto& [kind, flops] : run.flops) {
    file.write_attribute("/", "operations." + kind, flops);
  }
}

}  // namespace

void write_run(const std::filesystem::path& file, const RunRecord& record) {
  File out = File::create(file);
  write_matrices(out, record);
  write_identity(out, record);
  write_experiences(out, record);
  write_predictions(out, record);
  write_growth(out, record);
  write_log(out, record);
  write_circumstances(out, record);
  out.write_attribute("/", kRecordDigest, out.written().digest());
  out.close();
}

}  // namespace cl
