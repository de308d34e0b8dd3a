#include "core/io/run_file.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <hdf5.h>

#include "core/base/error.h"
#include "core/io/hdf5.h"
#include "tests/support/catch.h"
#include "tests/support/example_run.h"
#include "tests/support/failing_writes.h"
#include "tests/support/run_file_equality.h"
#include "tests/support/temp_dir.h"

namespace cl {
namespace {

using Paths = std::vector<std::string>;

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST_CASE("a run comes back from its file as it was written", "[io]") {
  const TempDir dir;
  const RunRecord run = example_run();
  write_run(dir / "a.h5", run);
  const RunRecord read = read_run(dir / "a.h5");

  CHECK(read.id == run.id);
  CHECK(read.suite == run.suite);
  CHECK(read.label == run.label);
  CHECK(read.spec == run.spec);
  CHECK(read.learner == "sema");
  CHECK(read.stream == "blobs");
  CHECK(read.backbone == "tiny");
  CHECK(read.stream_seed == 1);
  CHECK(read.model_seed == 1);
  CHECK(read.digests == run.digests);
  CHECK(read.provenance == run.provenance);
  CHECK(read.seconds == run.seconds);
  CHECK(read.flops == run.flops);
  REQUIRE(read.experiences.size() == 3);
  CHECK(read.experiences[1].name == "part 1");
  CHECK(read.experiences[1].num_test == 20);
  CHECK(read.experiences[2].classes == std::vector<int64_t>{4, 5});
  CHECK(read.accuracy.at(2, 0) == .6);
  CHECK(std::isnan(read.accuracy.at(0, 1)));
  REQUIRE(read.evaluations.size() == 6);
  for (size_t i = 0; i < 6; ++i) {
    CHECK(read.evaluations[i].after == run.evaluations[i].after);
    CHECK(read.evaluations[i].on == run.evaluations[i].on);
    CHECK(read.evaluations[i].labels == run.evaluations[i].labels);
    CHECK(read.evaluations[i].predictions == run.evaluations[i].predictions);
    CHECK(read.evaluations[i].task_predictions == run.evaluations[i].task_predictions);
  }
  REQUIRE(read.expansions.size() == 2);
  CHECK(read.expansions[1].layer == 3);
  CHECK(read.expansions[1].module == "adapter");
  REQUIRE(read.sizes.size() == 3);
  CHECK(read.sizes[1].count.added == 510);
  CHECK(read.sizes[2].adapters_per_block == std::vector<int64_t>{1, 1, 2, 2});
  CHECK(read.scalars.at("train/loss").values == std::vector<double>{0.5, 0.25});
  CHECK(read.scalars.size() == 2);
  const EventTable& ledger = read.tables.at("ledger");
  REQUIRE(ledger.size() == 3);
  CHECK(ledger[0].name == "experience");  // columns keep their order
  CHECK(ledger[2].name == "expanded");
  CHECK(std::get<std::vector<double>>(ledger[1].values) == std::vector<double>{1.5, 0.1});
}

TEST_CASE("an interrupted run goes on from its file as if it had never stopped", "[io]") {
  const TempDir dir;
  RunRecord whole(2);
  RunRecord half(2);
  const auto first = [](RunRecorder log) {
    log.scalar("loss", 0, 0.5);
    log.row("ledger", {{"block", int64_t{1}}});
    log.evaluation(example_evaluation(0, 0, 4, 3));
    log.size(0, {1, 2, 3}, {1, 1});
  };
  const auto second = [](RunRecorder log) {
    log.scalar("loss", 1, 0.25);
    log.row("ledger", {{"block", int64_t{2}}});
    log.evaluation(example_evaluation(1, 0, 4, 2));
    log.evaluation(example_evaluation(1, 1, 3, 3));
    log.size(1, {1, 2, 3}, {1, 2});
  };
  first(RunRecorder(whole));
  second(RunRecorder(whole));
  first(RunRecorder(half));
  write_run(dir / "half.h5", half);
  RunRecord resumed = read_run(dir / "half.h5");
  second(RunRecorder(resumed));
  write_run(dir / "whole.h5", whole);
  write_run(dir / "resumed.h5", resumed);
  CHECK_THAT(unequal_datasets(dir / "whole.h5", dir / "resumed.h5"), Equals(Paths{}));
}

TEST_CASE("an experience that brought nothing to test on stays out of all means", "[io]") {
  const TempDir dir;
  RunRecord run(3);
  run.experiences = {{"a", 9, 4, {0}}, {"again", 9, 0, {0}}, {"b", 9, 4, {0, 1}}};
  RunRecorder log(run);
  log.evaluation(example_evaluation(0, 0, 4, 3));
  log.evaluation(example_evaluation(1, 0, 4, 2));
  log.evaluation(example_evaluation(1, 1, 0, 0));
  log.evaluation(example_evaluation(2, 0, 4, 1));
  log.evaluation(example_evaluation(2, 1, 0, 0));
  log.evaluation(example_evaluation(2, 2, 4, 4));
  write_run(dir / "a.h5", run);
  const RunRecord read = read_run(dir / "a.h5");
  for (const RunRecord* one : std::initializer_list<const RunRecord*>{&run, &read}) {
    const AccuracyMatrix& accuracy = one->accuracy;
    CHECK(std::isnan(accuracy.at(2, 1)));
    CHECK(accuracy.average_accuracy(1) == 0.5);
    CHECK(accuracy.average_accuracy(2, one->num_test()) == 0.625);  // 5 of 8
    CHECK(accuracy.average_incremental_accuracy() == 0.625);        // of 3/4, 1/2 and 5/8
    CHECK(accuracy.forgetting(2) == 0.5);                           // 3/4 - 1/4
    CHECK(accuracy.learning_accuracy() == 0.875);                   // of 3/4 and 1
  }
}

TEST_CASE("circumstances of a run do not touch its datasets", "[io]") {
  const TempDir dir;
  RunRecord run = example_run();
  write_run(dir / "a.h5", run);
  run.provenance = {{"host", "elsewhere"}, {"time", "2031-01-01"}};
  run.seconds = {{"train", 99.5}};
  run.flops = {{"learn.forward", {1, 2, 3}}};
  write_run(dir / "b.h5", run);
  CHECK_THAT(unequal_datasets(dir / "a.h5", dir / "b.h5"), Equals(Paths{}));

  run.evaluations[0].predictions[0] += 1;
  run.scalars["train/loss"].values[1] = 0.125;
  run.tables.erase("ledger");
  write_run(dir / "b.h5", run);
  CHECK(unequal_datasets(dir / "a.h5", dir / "b.h5") ==
        Paths{"/predictions/prediction", "/scalars/train/loss/value", "/tables/ledger"});
}

TEST_CASE("files of equal runs are equal in every byte", "[io]") {
  const TempDir dir;
  write_run(dir / "a.h5", example_run());
  write_run(dir / "b.h5", example_run());
  CHECK(bytes_of(dir / "a.h5") == bytes_of(dir / "b.h5"));
}

TEST_CASE("many predictions take less space than their bytes and come back", "[io]") {
  const TempDir dir;
  constexpr int64_t kSamples = 100000;
  RunRecord run(2);
  RunRecorder log(run);
  log.evaluation(example_evaluation(0, 0, kSamples, 70000));
  log.evaluation(example_evaluation(1, 0, kSamples, 60000));
  write_run(dir / "a.h5", run);
  CHECK(std::filesystem::file_size(dir / "a.h5") < 5 * kSamples * sizeof(int64_t) / 4);
  CHECK(read_run(dir / "a.h5").evaluations[1].predictions == run.evaluations[1].predictions);
}

TEST_CASE("a run of which nothing is known yet can be kept", "[io]") {
  const TempDir dir;
  write_run(dir / "a.h5", RunRecord(2));
  CHECK(read_run(dir / "a.h5").num_experiences() == 2);
  write_run(dir / "a.h5", RunRecord());  // replaces
  CHECK(read_run(dir / "a.h5").num_experiences() == 0);
}

TEST_CASE("writing leaves no draft behind, and a missing folder is named", "[io]") {
  const TempDir dir;
  write_run(dir / "a.h5", example_run());
  const auto count = std::distance(std::filesystem::directory_iterator(dir.path()), {});
  CHECK(count == 1);
  CHECK_THROWS_AS(write_run(dir / "no/a.h5", example_run()), Error);
  CHECK_THROWS_WITH(write_run(dir / "no/a.h5", example_run()), Contains("no/a.h5"));
}

TEST_CASE("what is no run file is refused with the reason", "[io]") {
  const TempDir dir;
  CHECK_THROWS_WITH(read_run(dir / "none.h5"), Contains("there is no such file"));
  CHECK_THROWS_WITH(read_run(dir.path()), Contains("there is no such file"));
  dir.write("text.h5", "suite: quickstart\n");
  CHECK_THROWS_WITH(read_run(dir / "text.h5"), Contains("text.h5: not an HDF5 file"));
  dir.write("empty.h5", "");
  CHECK_THROWS_WITH(read_run(dir / "empty.h5"), Contains("not an HDF5 file"));
  hdf5::File::create(dir / "foreign.h5").close();
  CHECK_THROWS_WITH(read_run(dir / "foreign.h5"), Contains("foreign.h5: /: not a run file"));
  auto newer = hdf5::File::create(dir / "newer.h5");
  newer.write_attribute("/", "schema", std::string("clsim_run"));
  newer.write_attribute("/", "schema_version", int64_t{2});
  newer.close();
  CHECK_THROWS_WITH(read_run(dir / "newer.h5"),
                    Contains("schema version 2, expected 1") && Contains("newer clsim"));
}

TEST_CASE("a truncated run file is an error wherever it was cut", "[io]") {
  const TempDir dir;
  write_run(dir / "a.h5", example_run());
  const std::string whole = bytes_of(dir / "a.h5");
  for (size_t length = 0; length < whole.size(); length += 97) {
    CAPTURE(length);
    dir.write("cut.h5", std::string_view(whole).substr(0, length));
    CHECK_THROWS_AS(read_run(dir / "cut.h5"), Error);
  }
}

TEST_CASE("a damaged run file is read or refused, never a crash", "[io]") {
  const TempDir dir;
  write_run(dir / "a.h5", example_run());
  const std::string whole = bytes_of(dir / "a.h5");
  int64_t refused = 0;
  for (size_t place = 0; place < whole.size(); place += 101) {
    std::string damaged = whole;
    damaged[place] = static_cast<char>(damaged[place] ^ 0x55);
    dir.write("damaged.h5", damaged);
    try {
      (void)read_run(dir / "damaged.h5");
    } catch (const Error&) {
      ++refused;
    }
  }
  CHECK(refused > 0);
}

int64_t num_files(const TempDir& dir) {
  return std::distance(std::filesystem::directory_iterator(dir.path()), {});
}

TEST_CASE("a run file whose writing fails for a moment is whole or not there", "[io]") {
  const TempDir dir;
  write_run(dir / "meant.h5", example_run());
  const std::string meant = bytes_of(dir / "meant.h5");
  const WriteFault fault = GENERATE(WriteFault::kFull, WriteFault::kZeros);
  int64_t refused = 0;
  for (int64_t after = 0;; ++after) {
    CAPTURE(after);
    std::string problem;
    bool has_happened = false;
    {
      const FailingWrite failing(after, fault);
      try {
        write_run(dir / "a.h5", example_run());
      } catch (const Error& error) {
        problem = error.what();
      }
      has_happened = failing.has_happened();
    }
    if (!has_happened) break;
    if (problem.empty()) {
      CHECK((bytes_of(dir / "a.h5") == meant));  // unprinted
      std::filesystem::remove(dir / "a.h5");
    } else {
      ++refused;
      CHECK_THAT(problem, Contains("a.h5"));
      if (fault == WriteFault::kFull) CHECK_THAT(problem, Contains("No space left on device"));
      CHECK(num_files(dir) == 1);  // neither the file nor a draft
    }
  }
  CHECK(refused > 0);
}

TEST_CASE("a failed rewrite leaves the earlier run file as it was", "[io]") {
  const TempDir dir;
  write_run(dir / "a.h5", example_run());
  const std::string earlier = bytes_of(dir / "a.h5");
  RunRecord other = example_run();
  other.suite = "another";
  const FailingWrite failing(0, WriteFault::kFull);
  CHECK_THROWS_WITH(write_run(dir / "a.h5", other), Contains("No space left on device"));
  CHECK((bytes_of(dir / "a.h5") == earlier));
}

TEST_CASE("a run file with a flipped bit is refused or read as it was written", "[io]") {
  const TempDir dir;
  write_run(dir / "a.h5", example_run());
  const std::string whole = bytes_of(dir / "a.h5");
  std::mt19937 draw(7);
  std::uniform_int_distribution<size_t> place(0, 8 * whole.size() - 1);
  int64_t refused = 0;
  for (int64_t i = 0; i < 300; ++i) {
    const size_t bit = place(draw);
    CAPTURE(bit);
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    dir.write("damaged.h5", damaged);
    RunRecord read;
    try {
      read = read_run(dir / "damaged.h5");
    } catch (const Error&) {
      ++refused;
      continue;
    }
    // Equal records have equal files.
    write_run(dir / "again.h5", read);
    CHECK((bytes_of(dir / "again.h5") == whole));
  }
  CHECK(refused > 150);
}

/// The file opened for changes, as another program could make them.
class Changed {
 public:
  explicit Changed(const std::filesystem::path& path)
      : file_(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT)) {
    REQUIRE(file_ >= 0);
  }
  ~Changed() { H5Fclose(file_); }
  Changed(const Changed&) = delete;
  Changed& operator=(const Changed&) = delete;

  [[nodiscard]] hid_t id() const { return file_; }
  /// Replaces a dataset by one of whole numbers of the same shape, with these properties.
  void replace(const char* name, hid_t properties) const {
    const hid_t old = H5Dopen2(file_, name, H5P_DEFAULT);
    const hid_t space = H5Dget_space(old);
    H5Dclose(old);
    H5Ldelete(file_, name, H5P_DEFAULT);
    const hid_t made =
        H5Dcreate2(file_, name, H5T_NATIVE_INT64, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    REQUIRE(made >= 0);
    H5Dclose(made);
    H5Sclose(space);
    H5Pclose(properties);
  }

 private:
  hid_t file_;
};

TEST_CASE("a run file of which a part lies elsewhere is refused by name", "[io]") {
  const TempDir dir;
  write_run(dir / "a.h5", example_run());
  write_run(dir / "other.h5", example_run());
  std::string object = "/scalars/more";
  SECTION("values in another file") {
    const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(properties, "values.raw", 0, 80 * sizeof(int64_t));
    Changed(dir / "a.h5").replace("/predictions/label", properties);
    object = "/predictions/label: its values lie in another file";
  }
  SECTION("a virtual dataset") {
    const Changed changed(dir / "a.h5");
    const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    constexpr hsize_t kSize = 80;
    const hid_t space = H5Screate_simple(1, &kSize, nullptr);
    H5Pset_virtual(properties, space, "other.h5", "/predictions/label", space);
    H5Sclose(space);
    changed.replace("/predictions/label", properties);
    object = "/predictions/label: is put together from other datasets";
  }
  SECTION("a link into another file") {
    H5Lcreate_external("other.h5", "/scalars/train", Changed(dir / "a.h5").id(), object.c_str(),
                       H5P_DEFAULT, H5P_DEFAULT);
  }
  SECTION("a link to another place") {
    H5Lcreate_soft("/scalars/train", Changed(dir / "a.h5").id(), object.c_str(), H5P_DEFAULT,
                   H5P_DEFAULT);
  }
  SECTION("a link to nothing") {
    H5Lcreate_soft("/none", Changed(dir / "a.h5").id(), object.c_str(), H5P_DEFAULT, H5P_DEFAULT);
  }
  SECTION("a group within itself") {
    const Changed changed(dir / "a.h5");
    H5Lcreate_hard(changed.id(), "/scalars", changed.id(), object.c_str(), H5P_DEFAULT,
                   H5P_DEFAULT);
    object = "/scalars: stands in several places of the file, or within itself";
  }
  SECTION("the root within itself") {
    const Changed changed(dir / "a.h5");
    H5Lcreate_hard(changed.id(), "/", changed.id(), object.c_str(), H5P_DEFAULT, H5P_DEFAULT);
    object = "/: stands in several places of the file, or within itself";
  }
  CHECK_THROWS_WITH(read_run(dir / "a.h5"), Contains("a.h5: " + object));
}

TEST_CASE("a run file that was changed is refused, one without a digest is read", "[io]") {
  const TempDir dir;
  write_run(dir / "a.h5", example_run());
  SECTION("a seed") {
    const Changed changed(dir / "a.h5");
    const hid_t seed = H5Dopen2(changed.id(), "/run/model_seed", H5P_DEFAULT);
    constexpr int64_t kOther = 5;
    CHECK(H5Dwrite(seed, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &kOther) >= 0);
    H5Dclose(seed);
  }
  SECTION("a fact") {
    H5Adelete(Changed(dir / "a.h5").id(), "host");
  }
  SECTION("the digest") {
    H5Adelete(Changed(dir / "a.h5").id(), kRecordDigest);  // as earlier versions wrote
    CHECK(read_run(dir / "a.h5").suite == "example");
    return;
  }
  CHECK_THROWS_WITH(read_run(dir / "a.h5"), Contains("a.h5: /: damaged"));
}

TEST_CASE("a run whose id, spec, accuracies and predictions do not fit is refused", "[io]") {
  const TempDir dir;
  RunRecord run = example_run();
  SECTION("id and spec") {
    run.spec += "views: 2\n";
    write_run(dir / "a.h5", run);
    CHECK_THROWS_WITH(read_run(dir / "a.h5"), Contains("/run/id: says '" + run.id));
  }
  SECTION("accuracy and predictions") {
    run.accuracy.set(1, 0, 0.75);
    write_run(dir / "a.h5", run);
    CHECK_THROWS_WITH(read_run(dir / "a.h5"),
                      Contains("/accuracy: says 0.75 on experience 0 after 1, but the "
                               "predictions have 0.7"));
  }
  SECTION("accuracy with the task known") {
    run.evaluations[2].task_predictions[19] = run.evaluations[2].labels[19];
    write_run(dir / "a.h5", run);  // 17 of 20 instead of 16
    CHECK_THROWS_WITH(read_run(dir / "a.h5"),
                      Contains("/task_accuracy: says 0.8 on experience 1 after 1, but the "
                               "predictions have 0.85"));
  }
  SECTION("an accuracy without predictions") {
    run.evaluations.pop_back();
    write_run(dir / "a.h5", run);
    CHECK_THROWS_WITH(read_run(dir / "a.h5"), Contains("/accuracy: says 0.75 on experience 2"));
  }
}

TEST_CASE("a text that the file could not give back is refused when it is written", "[io]") {
  const TempDir dir;
  RunRecord run = example_run();
  run.experiences[1].name.push_back('\0');
  CHECK_THROWS_WITH(write_run(dir / "a.h5", run), Contains("/experiences/name: a text with a NUL"));
  CHECK(num_files(dir) == 0);
}

/// A valid run file in which one dataset is replaced, as another program could have written it.
void write_with(const std::filesystem::path& file, const std::string& name,
                const hdf5::AnyArray& array) {
  auto out = hdf5::File::create(file);
  const TempDir dir;
  write_run(dir / "a.h5", example_run());
  const auto in = hdf5::File::open(dir / "a.h5");
  for (const auto& [key, value] : in.attributes("/")) out.write_attribute("/", key, value);
  const std::function<void(const std::string&)> copy = [&](const std::string& group) {
    for (const std::string& member : in.members(group)) {
      const std::string path = (group == "/" ? "" : group) + "/" + member;
      if (in.is_group(path)) {
        out.make_group(path);
        copy(path);
      } else {
        out.write(path, path == name ? array : in.read(path));
      }
    }
  };
  copy("/");
  out.close();
}

TEST_CASE("values that contradict each other are refused, naming the dataset", "[io]") {
  const TempDir dir;
  const auto refusal = [&](const std::string& name, const hdf5::AnyArray& array) {
    write_with(dir / "a.h5", name, array);
    try {
      (void)read_run(dir / "a.h5");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  CHECK(refusal("/run/nothing", hdf5::Integers{}) == "accepted");  // the copy itself is sound
  CHECK_THAT(refusal("/accuracy", hdf5::Numbers{{1}, {.5}}),
             Contains("/accuracy: expected 2 axes, found 1"));
  CHECK_THAT(refusal("/accuracy", hdf5::Numbers{{2, 2}, {1, 1, 1, 1}}),
             Contains("/accuracy: expected the shape [3, 3], found [2, 2]"));
  CHECK_THAT(refusal("/accuracy", hdf5::Numbers{{3, 3}, std::vector<double>(9, 1.5)}),
             Contains("/accuracy: the accuracy 1.5 is outside [0, 1]"));
  CHECK_THAT(refusal("/run/id", hdf5::Integers{{}, {7}}), Contains("/run/id: expected texts"));
  CHECK_THAT(refusal("/sizes/after", hdf5::Integers{{3}, {0, 1, 7}}),
             Contains("/sizes/after: the experience 7 is not one of 3"));
  CHECK_THAT(refusal("/sizes/after", hdf5::Integers{{3}, {0, 1, 1}}), Contains("growing"));
  CHECK_THAT(refusal("/expansions/step", hdf5::Integers{{1}, {0}}),
             Contains("/expansions/step: expected 2 values, found 1"));
  CHECK_THAT(refusal("/experiences/num_classes", hdf5::Integers{{3}, {2, 2, 99}}),
             Contains("99 classes, 2 are left"));
  CHECK_THAT(refusal("/predictions/experience", hdf5::Integers{{80}, std::vector<int64_t>(80, -1)}),
             Contains("/predictions/experience: the experience -1 is not one of 3"));
}

}  // namespace
}  // namespace cl
