// Streams written image by image, and read again.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <opencv2/core.hpp>

#include "core/base/error.h"
#include "core/stream/plan_json.h"
#include "core/stream/source_choices.h"
#include "core/stream/stream.h"
#include "tests/streams/small_images.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

const std::string kTransform = "transform: {image_size: 2, augment: crop_flip}";

std::unique_ptr<Stream> make(const std::string& yaml, const fs::path& root, uint64_t seed = 1) {
  return Streams::get().make(config::Node::parse(yaml, "a.yaml"), {RngKey(seed), root});
}

std::unique_ptr<Stream> split(const SmallImages& images, const std::string& options) {
  return make("{split_images: {source: " + kSmallSource + ", " + kTransform + ", " + options + "}}",
              images.root());
}

PlanRecord record(const Stream& stream, const fs::path& root) {
  REQUIRE(stream.plan() != nullptr);
  PlanRecord result = record_plan(*stream.plan(), root);
  result.stream = "split_images";
  return result;
}

/// A file of the stream, in the folder of its images.
fs::path export_to(const SmallImages& images, const std::string& name, const Stream& stream) {
  return images.folder().write(name, to_json(record(stream, images.root())));
}

std::unique_ptr<Stream> exported(const fs::path& file, const fs::path& root,
                                 const std::string& options = kTransform) {
  return make("{exported: {file: '" + file.string() + "', " + options + "}}", root, 99);
}

void check_same(const Stream& a, const Stream& b) {
  CHECK(a.info().name == b.info().name);
  CHECK(a.info().scenario == b.info().scenario);
  CHECK(a.info().num_classes == b.info().num_classes);
  CHECK(a.info().class_names == b.info().class_names);
  CHECK(a.info().sample_shape == b.info().sample_shape);
  REQUIRE(a.info().num_experiences == b.info().num_experiences);
  for (int64_t k = 0; k < a.info().num_experiences; ++k) {
    const Experience left = a.experience(k), right = b.experience(k);
    CHECK(left.name == right.name);
    CHECK(left.classes == right.classes);
    CHECK(left.facts == right.facts);
    CHECK(left.train->id() == right.train->id());
    CHECK(left.test->id() == right.test->id());
  }
}

/// Two images a split, of one colour each, with names.
class NamedSource final : public ImageSource {
 public:
  explicit NamedSource(std::vector<std::string> train_names) {
    info_.class_names = {"cat", "dog"};
    info_.digest = "00000000000000aa";
    table_.labels = {0, 1};
    table_.names = {"cat/1.png", "dog/1.png"};
    train_ = table_;
    train_.names = std::move(train_names);
  }
  [[nodiscard]] const ImageSourceInfo& info() const override { return info_; }
  [[nodiscard]] const ImageTable& table(Split split) const override {
    return split == Split::kTrain ? train_ : table_;
  }
  [[nodiscard]] cv::Mat image(Split, int64_t) const override {
    return cv::Mat(2, 2, CV_8UC3, cv::Scalar::all(0));
  }

 private:
  ImageSourceInfo info_;
  ImageTable table_, train_;
};

/// One experience over a NamedSource with a shift and facts, by hand.
PlanRecord named_record() {
  PlanRecord result;
  result.stream = "domain_images";
  result.seed = 5;
  result.plan.info.name = "domain_images";
  result.plan.info.scenario = Scenario::kDomain;
  result.plan.info.class_names = {"cat", "dög"};
  result.plan.info.num_classes = 2;
  result.sources = {{.choice = config::Node::of("fashion_mnist"),
                     .digest = "00000000000000aa",
                     .class_names = {"cat", "dog"},
                     .num_train = 2,
                     .num_test = 2}};
  result.plan.experiences = {
      {.name = "turned",
       .classes = {0, 1},
       .source = 0,
       .train = {Split::kTrain, {1, 0}, {1, 0}},
       .test = {Split::kTest, {0, 1}, {0, 1}},
       .shift = {.kind = "rotation", .amount = 0.1, .seed = 0xffffffffffffffff},
       .facts = {{"degrees", 0.1}, {"lost", std::nan("")}, {"count", 3}}}};
  result.names = {{{"dog/0.png", "cat/0.png"}, {"cat/1.png", "dog/1.png"}}};
  return result;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t place = text.find(from);
  INFO(text);
  INFO(from);
  REQUIRE(place != std::string::npos);
  return text.replace(place, from.size(), to);
}

TEST_CASE("an exported stream holds the same images under the same labels", "[streams][exported]") {
  const SmallImages images(6, 10, 4);
  const std::string options = GENERATE(
      as<std::string>{}, "increment: 2", "scenario: task, increment: 3, train_per_class: 4",
      "scenario: domain, increment: 2, evaluate_on: validation, label_noise: 0.2",
      "increment: 1, class_order: numpy, imbalance: 5, poor_experiences: [2]");
  INFO(options);
  const auto stream = split(images, options);
  const fs::path file = export_to(images, "stream.json", *stream);
  const auto again = exported(file, images.root());
  check_same(*stream, *again);
  // What is exported a second time is the same file but for its "stream".
  CHECK(to_json(record(*again, images.root())) == to_json(record(*stream, images.root())));
  const auto larger = exported(file, images.root(), "transform: {image_size: 4}");
  CHECK(larger->info().sample_shape == std::vector<int64_t>{3, 4, 4});
  CHECK(larger->experience(0).train->id() != stream->experience(0).train->id());
}

TEST_CASE("the export of split Fashion-MNIST gives the same data sets", "[streams][exported]") {
  std::unique_ptr<Stream> stream;
  try {
    stream = make("{split_images: {source: fashion_mnist, evaluate_on: validation}}", {});
  } catch (const Error& error) {
    WARN("skipped: " << error.what());
    return;
  }
  const TempDir folder;
  const fs::path file = folder.write("stream.json", to_json(record(*stream, {})));
  check_same(*stream, *exported(file, {}, "transform: {}"));
}

TEST_CASE("shift, facts and names survive being written and read", "[streams][exported]") {
  const TempDir folder;
  const PlanRecord before = named_record();
  const fs::path file = folder.write("stream.json", to_json(before));
  const PlanRecord after = read_plan_json(file);
  CHECK(after.stream == before.stream);
  CHECK(after.seed == 5);
  CHECK(after.digest() == before.digest());
  CHECK(after.plan.info.class_names == before.plan.info.class_names);
  CHECK(after.plan.info.scenario == Scenario::kDomain);
  REQUIRE(after.plan.experiences.size() == 1);
  const ExperiencePlan& experience = after.plan.experiences[0];
  CHECK(experience.shift == before.plan.experiences[0].shift);
  CHECK(experience.train.rows == std::vector<int64_t>{1, 0});
  CHECK(experience.train.labels == std::vector<int64_t>{1, 0});
  REQUIRE(experience.facts.size() == 3);
  CHECK(experience.facts[0] == std::pair<std::string, double>("degrees", 0.1));
  CHECK(std::isnan(experience.facts[1].second));
  CHECK(experience.facts[2] == std::pair<std::string, double>("count", 3));
  CHECK(after.names[0].train == before.names[0].train);
  CHECK(after.names[0].test == before.names[0].test);
  CHECK(to_json(after) == to_json(before));
}

TEST_CASE("everything that is learned from is in the digest of a record", "[streams][exported]") {
  const std::string base = named_record().digest();
  const auto changed = [&](const auto& change) {
    PlanRecord other = named_record();
    change(other);
    return other.digest() != base;
  };
  CHECK(named_record().digest() == base);
  CHECK(changed([](PlanRecord& r) { r.sources[0].digest = "00000000000000ab"; }));
  CHECK(changed([](PlanRecord& r) { r.plan.experiences[0].train.rows[0] = 0; }));
  CHECK(changed([](PlanRecord& r) { r.plan.experiences[0].train.labels[0] = 0; }));
  CHECK(changed([](PlanRecord& r) { r.plan.experiences[0].test.split = Split::kTrain; }));
  CHECK(changed([](PlanRecord& r) { r.plan.experiences[0].test.labels[1] = 0; }));
  CHECK(changed([](PlanRecord& r) { r.plan.experiences[0].shift.amount = 0.2; }));
  CHECK(changed([](PlanRecord& r) { r.plan.experiences[0].facts[2].second = 4; }));
  CHECK(changed([](PlanRecord& r) { r.plan.info.scenario = Scenario::kClass; }));
  CHECK(changed([](PlanRecord& r) { r.plan.experiences.pop_back(); }));
  CHECK_FALSE(changed([](PlanRecord& r) { r.names[0].train[0] = "x"; }));  // where, not what
}

TEST_CASE("names that differ are told with row and split", "[streams][exported]") {
  const auto told = [](const std::vector<std::string>& train_names) {
    const std::vector<std::shared_ptr<const ImageSource>> sources{
        std::make_shared<NamedSource>(train_names)};
    return differences(named_record(), sources);
  };
  CHECK(told({"cat/0.png", "dog/0.png"}).empty());
  const auto one = told({"cat/7.png", "dog/0.png"});
  REQUIRE(one.size() == 1);
  CHECK(one[0] ==
        "source 0 ('fashion_mnist'), training images of experience 0: 1 of 2 names differ, the "
        "first in row 0 of the train split: 'cat/7.png', recorded 'cat/0.png'");
  const auto nameless = told({});
  REQUIRE(nameless.size() == 1);
  CHECK_THAT(nameless[0], Contains("its images have no names, recorded are some"));
}

TEST_CASE("data that have changed are an error that says how", "[streams][exported]") {
  const SmallImages images(3, 4, 2);
  const fs::path file = export_to(images, "stream.json", *split(images, "increment: 1"));
  const SmallImages fewer(2, 4, 2);
  CHECK_THROWS_WITH(exported(file, fewer.root()),
                    Contains("stream.json: the data are not those that were recorded") &&
                        Contains("source 0 ('idx'): its content is another: digest ") &&
                        Contains("8 images in the train split, recorded 12") &&
                        Contains("4 images in the test split, recorded 6") &&
                        Contains("2 classes, recorded 3; class 2 is missing, recorded '2'"));
}

TEST_CASE("data that lie elsewhere are named by other sources", "[streams][exported]") {
  const SmallImages images(2, 4, 2);
  const auto stream = split(images, "increment: 1");
  const TempDir folder;
  const fs::path file = folder.write("stream.json", to_json(record(*stream, images.root())));
  fs::create_directory(folder / "moved");
  for (const auto& entry : fs::directory_iterator(images.root() / "small")) {
    fs::copy(entry.path(), folder / "moved");
  }
  CHECK_THROWS_WITH(exported(file, folder.path()), Contains("small"));
  const std::string moved = replaced(kSmallSource, "dataset: small", "dataset: moved");
  check_same(*stream, *exported(file, folder.path(), "sources: [" + moved + "], " + kTransform));
  CHECK_THROWS_WITH(exported(file, folder.path(), "sources: [" + moved + ", " + moved + "]"),
                    Contains("expected 1 sources in place of the recorded ones, found 2"));
}

TEST_CASE("a source's relative files are written as another folder reaches them",
          "[streams][exported]") {
  const auto choice = [](const std::string& folder) {
    return config::Node::parse("idx: {folder: " + folder + ", dataset: x}", "a.yaml", "/suites/a");
  };
  const auto folder = [](const config::Node& source) {
    return config::choice(source).options.at("folder").scalar();
  };
  CHECK(folder(seen_from("/suites/b", choice("data"))) == "../a/data");
  CHECK(folder(seen_from("/suites", choice("../data"))) == "data");
  CHECK(folder(seen_from("/suites", choice("/data"))) == "/data");
  CHECK(folder(seen_from("/suites", choice("''"))).empty());
}

TEST_CASE("a stream names its sources, chosen or by default", "[streams][exported]") {
  const SmallImages images(2, 4, 2);
  const auto stream = split(images, "increment: 1");
  REQUIRE(stream->plan()->choices.size() == 1);
  CHECK(config::choice(stream->plan()->choices[0]).name == "idx");
  // A plan whose options do not name its source cannot be written.
  StreamPlan plan = *stream->plan();
  plan.choices.clear();
  CHECK_THROWS_WITH(record_plan(plan, images.root()), Contains("a source that none of its 0"));
}

TEST_CASE("a damaged record is refused where it is damaged", "[streams][exported]") {
  const TempDir folder;
  const std::string good = to_json(named_record());
  const auto [from, to, message] = GENERATE(table<std::string, std::string, std::string>(
      {{"\"clsim stream\"", "\"coco\"", "stream.json: format: expected 'clsim stream'"},
       {"\"version\": 2", "\"version\": 3", "version: expected 1 to 2, which is all"},
       {"\"version\": 2", "\"version\": 1", "stream.json: unknown key 'origin_digest'"},
       {"\"stream\": \"domain_images\"", "\"stream\": \"blurry\"",
        "stream.json: origin_digest: 'stream' and 'seed' give the digest"},
       {"\"seed\": 5", "\"seed\": 6",
        "stream.json: origin_digest: 'stream' and 'seed' give the digest"},
       {"\"seed\": 5", "\"seed\": 1e999",
        "stream.json: seed: expected a number within double precision, found 1e999"},
       {"\"degrees\": 0.1", "\"degrees\": -1e999",
        "experiences[0].facts.degrees: expected a number within double precision, found -1e999"},
       {"\"rows\": [0,1]", "\"rows\": [0,1e999]",
        "experiences[0].test.rows[1]: expected a number within double precision, found 1e999"},
       {"\"seed\": 5", "\"seed\": 1e300",
        "seed: expected a whole number of at least 0, found 1e+300"},
       {"\"amount\": 0.1", "\"amount\": 1e300",
        "experiences[0].shift.amount: expected -360 to 360 for 'rotation', found 1e+300"},
       {"\"amount\": 0.1", "\"amount\": null",
        "experiences[0].shift.amount: expected -360 to 360 for 'rotation', found nan"},
       {"\"rotation\"", "\"fog\"", "experiences[0].digest: what the file says gives"},
       {"\"train\": 2", "\"train\": 9223372036854775808",
        "sources[0].train: expected a whole number of at least 0, found 9223372036854775808"},
       {"\"dog/0.png\"", "\"dog\\u0000/0.png\"",
        "experiences[0].train.names[0]: a NUL character in a text"},
       {"\"seed\": 5", "\"seed\": -5", "seed: expected a whole number of at least 0, found -5"},
       {"\"seed\": 5", "\"seed\": 5, \"seed\": 6", "the key 'seed' stands twice in one object"},
       {"\"seed\": 5", "\"sead\": 5", "unknown key 'sead'; did you mean 'seed'?"},
       {"\"domain\"", "\"domains\"", "info.scenario: expected one of 'task', 'domain'"},
       {"\"train\": 2", "\"train\": 1",
        "experiences[0].train.rows[0]: expected a whole number from 0 to 0, found 1"},
       {"\"choice\": \"fashion_mnist\"", "\"choice\": \"fashion\"",
        "stream.json: sources[0].choice:1:1: unknown source 'fashion'"},
       {"\"source\": 0", "\"source\": 1",
        "experiences[0].source: expected a whole number from 0 to 0, found 1"},
       {"\"classes\": [0,1]", "\"classes\": [1,0]",
        "experiences[0].classes[1]: expected ascending class ids, found 0 after 1"},
       {"\"classes\": [0,1]", "\"classes\": [0]",
        "experiences[0].train.labels[0]: 1 is none of the experience's classes"},
       {"\"classes\": [0,1]", "\"classes\": [0,1.5]",
        "experiences[0].classes[1]: expected a whole number from 0 to 1, found 1.5"},
       {"\"rotation\"", "\"rotations\"", "experiences[0].shift.kind: expected one of none"},
       {"\"degrees\": 0.1", "\"degrees\": \"0.1\"",
        "experiences[0].facts.degrees: expected a number, found \"0.1\""},
       {"\"split\": \"train\"", "\"split\": \"test\"",
        "experiences[0].train.split: expected 'train', found 'test'"},
       {"\"rows\": [0,1]", "\"rows\": [0,1,0]",
        "experiences[0].test.labels: expected 3, one for each row, found 2"},
       {"\"labels\": [0,1]", "\"labels\": [0,2]",
        "experiences[0].test.labels[1]: expected a whole number from 0 to 1, found 2"},
       {"[\"dog/0.png\",", "[", "experiences[0].train.names: expected 2, one for each row"},
       {"\"rows\": [0,1]", "\"rows\": [1,0]",
        "experiences[0].digest: what the file says gives the digest"},
       {"\"name\": \"domain_images\"", "\"name\": \"x\"",
        "stream.json: digest: what the file says gives the digest"},
       {"\"rows\": [0,1]", "\"rows\": [0,1", "damaged, or no JSON: parse error at line"}}));
  const fs::path file = folder.write("stream.json", replaced(good, from, to));
  INFO(from << " -> " << to);
  CHECK_THROWS_WITH(read_plan_json(file), Contains(message));
}

TEST_CASE("an experience without training images is refused", "[streams][exported]") {
  const TempDir folder;
  PlanRecord record = named_record();
  record.plan.experiences[0].train = {Split::kTrain, {}, {}};
  record.names[0].train.clear();
  CHECK_THROWS_WITH(read_plan_json(folder.write("stream.json", to_json(record))),
                    Contains("experiences[0].train.rows: expected at least one image, found none"));
}

TEST_CASE("a corruption beyond its levels is refused, at the edge it is not",
          "[streams][exported]") {
  const TempDir folder;
  PlanRecord record = named_record();
  ImageShift& shift = record.plan.experiences[0].shift;
  shift = {.kind = "fog", .amount = 5, .seed = 1};
  CHECK(read_plan_json(folder.write("a.json", to_json(record))).plan.experiences[0].shift == shift);
  shift.amount = 5.5;
  CHECK_THROWS_WITH(read_plan_json(folder.write("b.json", to_json(record))),
                    Contains("experiences[0].shift.amount: expected 0 to 5 for 'fog', found 5.5"));
}

TEST_CASE("a record of the first version, without a digest of its origin, is read",
          "[streams][exported]") {
  const TempDir folder;
  const PlanRecord before = named_record();
  std::string text = replaced(to_json(before), "\"version\": 2", "\"version\": 1");
  text = replaced(text, " \"origin_digest\": \"" + before.origin_digest() + "\",\n", "");
  const PlanRecord after = read_plan_json(folder.write("stream.json", text));
  CHECK(after.stream == before.stream);
  CHECK(after.digest() == before.digest());
}

TEST_CASE("a record nested without end is refused where it gets too deep", "[streams][exported]") {
  const TempDir folder;
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  const std::string text = replaced(to_json(named_record()), "\"seed\": 5", "\"seed\": " + deep);
  CHECK_THROWS_WITH(
      read_plan_json(folder.write("stream.json", text)),
      Contains("stream.json: seed[0][0][0]") && Contains("nested more than 100 levels deep"));
}

TEST_CASE("a record of a hundred thousand facts is refused before they are gone through",
          "[streams][exported]") {
  const TempDir folder;
  std::string facts = "\"degrees\": 0.1";
  for (int i = 0; i < 100'000; ++i) facts += ", \"f" + std::to_string(i) + "\": 1";
  const std::string text = replaced(to_json(named_record()), "\"degrees\": 0.1", facts);
  CHECK_THROWS_WITH(
      read_plan_json(folder.write("stream.json", text)),
      Contains("stream.json: experiences[0].facts: an object of more than 10000 keys"));
}

TEST_CASE("a record that is not there is refused by its option, or when it is needed",
          "[streams][exported]") {
  const auto check = [](const std::string& text) {
    Streams::get().check(config::Node::parse(text, "a.yaml"));
  };
  CHECK_THROWS_WITH(check("exported: {file: lost.json}"),
                    Contains("a.yaml:1:18: exported.file: there is no file"));
  CHECK_THROWS_WITH(check("exported: {source: idx}"), Contains("did you mean 'sources'?"));
  CHECK_THROWS_WITH(make("exported", {}), Contains("set 'file'"));
  CHECK_THROWS_WITH(read_plan_json("/nowhere/stream.json"),
                    Contains("cannot read '/nowhere/stream.json'"));
}

}  // namespace
}  // namespace cl
