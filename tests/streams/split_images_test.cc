#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include <oneapi/tbb/global_control.h>

#include "core/base/error.h"
#include "core/stream/image_dataset.h"
#include "core/stream/stream.h"
#include "tests/streams/small_images.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

using Numbers = std::vector<int64_t>;

/// The stream over `images` with further options, "key: value, ...".
std::unique_ptr<Stream> make(const SmallImages& images, const std::string& options,
                             uint64_t seed = 1) {
  const std::string yaml =
      "{split_images: {source: " + kSmallSource + ", transform: {image_size: 2}, " + options + "}}";
  return Streams::get().make(config::Node::parse(yaml, "a.yaml"), {RngKey(seed), images.root()});
}

/// The pixel level of every sample, which names the image (see SmallImages).
Numbers levels(const Dataset& data) {
  Numbers rows(static_cast<size_t>(data.size()));
  std::iota(rows.begin(), rows.end(), 0);
  const Tensor x = data.fetch(rows, View::test());
  Numbers result;
  for (int64_t i = 0; i < data.size(); ++i) {
    result.push_back(std::llround(x[i][0][0][0].item<double>() * 255));
  }
  return result;
}

Numbers labels(const Dataset& data) {
  const int64_t* begin = data.labels().data_ptr<int64_t>();
  return {begin, begin + data.labels().numel()};
}

Numbers sorted(Numbers numbers) {
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

TEST_CASE("classes come in the asked order and are labelled by their position", "[streams]") {
  const SmallImages images(5, 3, 2);
  const auto stream =
      make(images, "init_classes: 3, increment: 2, class_order: explicit, order: [4, 2, 0, 1, 3]");
  const StreamInfo& info = stream->info();
  CHECK(info.num_experiences == 2);
  CHECK(info.num_classes == 5);
  CHECK(info.class_names == std::vector<std::string>{"4", "2", "0", "1", "3"});
  CHECK(info.sample_shape == Numbers{3, 2, 2});
  CHECK(info.scenario == Scenario::kClass);

  const Experience second = stream->experience(1);
  CHECK(second.index == 1);
  CHECK(second.name == "1+3");
  CHECK(second.classes == Numbers{3, 4});
  // Class 1 (label 3) has images 1, 6, 11, class 3 (label 4) images 3, 8, 13.
  CHECK(labels(*second.train) == Numbers{3, 3, 3, 4, 4, 4});
  CHECK(levels(*second.train) == Numbers{1, 6, 11, 3, 8, 13});
  CHECK(labels(*second.test) == Numbers{3, 3, 4, 4});
  CHECK(levels(*second.test) == Numbers{129, 134, 131, 136});
  CHECK(stream->experience(0).name == "4+2+0");
}

TEST_CASE("what remains of the classes is a last, smaller experience", "[streams]") {
  const SmallImages images(5, 1, 1);
  const auto stream = make(images, "increment: 4, class_order: natural");
  CHECK(stream->info().num_experiences == 2);
  CHECK(stream->experience(0).name == "0+3 more");
  CHECK(stream->experience(1).classes == Numbers{4});
  CHECK_THROWS_WITH(make(images, "init_classes: 6"), Contains("asks for 6 classes"));
}

TEST_CASE("the task is shown in the task scenario only", "[streams]") {
  const SmallImages images(4, 1, 1);
  const auto task_of = [&](const std::string& scenario) {
    const auto stream = make(images, "scenario: " + scenario);
    return stream->experience(1).train_view(stream->info().scenario).task;
  };
  CHECK(task_of("task") == 1);
  CHECK_FALSE(task_of("class"));
  CHECK_FALSE(task_of("domain"));
}

TEST_CASE("in the domain scenario labels are positions within the experience", "[streams]") {
  const SmallImages images(6, 2, 1);
  const auto stream = make(images, "scenario: domain, increment: 3, class_order: natural");
  CHECK(stream->info().num_classes == 3);
  CHECK(stream->info().class_names.size() == 3);
  CHECK(stream->experience(1).classes == Numbers{0, 1, 2});
  CHECK(labels(*stream->experience(1).train) == Numbers{0, 0, 1, 1, 2, 2});
  CHECK(levels(*stream->experience(1).train) == Numbers{3, 9, 4, 10, 5, 11});
  CHECK_THROWS_WITH(make(images, "scenario: domain, increment: 4"),
                    Contains("as many classes in every experience, found 4, 2"));
}

TEST_CASE("caps keep a part of each class, and a larger cap keeps more", "[streams]") {
  const SmallImages images(2, 20, 10);
  const auto chosen = [&](const std::string& caps, uint64_t seed) {
    return make(images, "class_order: natural, " + caps, seed)->experience(0);
  };
  const Experience few = chosen("train_per_class: 3, test_per_class: 2", 1);
  CHECK(labels(*few.train) == Numbers{0, 0, 0, 1, 1, 1});
  CHECK(labels(*few.test) == Numbers{0, 0, 1, 1});
  const Numbers three = sorted(levels(*few.train));
  const Numbers eight = sorted(levels(*chosen("train_per_class: 8", 1).train));
  CHECK(eight.size() == 16);
  CHECK(std::includes(eight.begin(), eight.end(), three.begin(), three.end()));
  CHECK(levels(*chosen("train_per_class: 3", 1).train) == levels(*few.train));
  CHECK(levels(*chosen("train_per_class: 3", 2).train) != levels(*few.train));
  CHECK(chosen("train_per_class: 1000", 1).train->size() == 40);
}

TEST_CASE("what is chosen of a class does not depend on the order of the classes", "[streams]") {
  const SmallImages images(2, 20, 10);
  const auto train = [&](const std::string& order) {
    return sorted(levels(*make(images, "train_per_class: 4, class_order: explicit, order: " + order)
                              ->experience(0)
                              .train));
  };
  CHECK(train("[0, 1]") == train("[1, 0]"));
}

TEST_CASE("validation holds out training images and leaves the test images alone", "[streams]") {
  const SmallImages images(2, 20, 10);
  const std::string validate =
      "class_order: natural, evaluate_on: validation, validation_fraction: 0.25";
  const Experience experience = make(images, validate)->experience(0);
  CHECK(experience.train->size() == 30);  // 2 classes of 20 - 5
  CHECK(labels(*experience.test) == Numbers{0, 0, 0, 0, 0, 1, 1, 1, 1, 1});
  Numbers all = levels(*experience.train);
  const Numbers held_out = levels(*experience.test);
  all.insert(all.end(), held_out.begin(), held_out.end());
  Numbers every_training_image(40);
  std::iota(every_training_image.begin(), every_training_image.end(), 0);
  CHECK(sorted(all) == every_training_image);  // so disjoint, and nothing of the test split

  // Below a cap, both evaluations train on the same images.
  const auto capped = [&](const std::string& on) {
    return levels(*make(images, "train_per_class: 6, evaluate_on: " + on)->experience(0).train);
  };
  CHECK(capped("test") == capped("validation"));
}

TEST_CASE("a class without images to train or evaluate on is named", "[streams]") {
  const SmallImages images(3, 2, 2);
  images.folder().write("small/test-labels", idx_bytes({6}, {"\0\0\1\1\0\0", 6}));
  CHECK_THROWS_WITH(make(images, ""), Contains("class 2 ('2') has 2 training and 0 test images"));
  CHECK_THROWS_WITH(make(images, "evaluate_on: validation, validation_fraction: 0.1"),
                    Contains("0 validation images"));  // 0.1 of 2 images rounds to none
}

TEST_CASE("an experience is the same however often and in whatever order it is made", "[streams]") {
  const SmallImages images(6, 5, 2);
  const std::string options = "train_per_class: 3, transform: {image_size: 2, augment: crop_flip}";
  const std::string yaml = "{split_images: {source: " + kSmallSource + ", " + options + "}}";
  const auto build = [&](uint64_t seed) {
    return Streams::get().make(config::Node::parse(yaml, "a.yaml"), {RngKey(seed), images.root()});
  };
  const auto one = build(4), two = build(4), other = build(5);
  const std::string last = one->experience(2).train->id();
  (void)one->experience(0);
  CHECK(one->experience(2).train->id() == last);
  CHECK(two->experience(2).train->id() == last);
  CHECK(other->experience(2).train->id() != last);
  std::set<int64_t> classes;
  for (int64_t k = 0; k < 3; ++k) {
    for (const int64_t c : one->experience(k).classes) CHECK(classes.insert(c).second);
  }
  CHECK(classes.size() == 6);
}

TEST_CASE("the id of an image data set follows rows, labels, split and transform", "[streams]") {
  const SmallImages images(2, 3, 3);
  const std::shared_ptr<const ImageSource> source =
      ImageSources::get().make(config::Node::parse(kSmallSource, "a.yaml"), {images.root()});
  ImageTransform::Options plain, larger;
  larger.image_size = 64;
  const auto id = [&](Split split, const Numbers& rows, const Numbers& as,
                      const ImageTransform::Options& transform, const ImageShift& shift = {}) {
    return ImageDataset(source, {split, rows, as}, shift, ImageTransform(transform)).id();
  };
  const std::string base = id(Split::kTrain, {0, 1}, {0, 1}, plain);
  CHECK(base == id(Split::kTrain, {0, 1}, {0, 1}, plain));
  CHECK(base != id(Split::kTest, {0, 1}, {0, 1}, plain));
  CHECK(base != id(Split::kTrain, {0, 3}, {0, 1}, plain));
  CHECK(base != id(Split::kTrain, {0, 1}, {1, 0}, plain));
  CHECK(base != id(Split::kTrain, {0, 1}, {0, 1}, larger));
  CHECK(base != id(Split::kTrain, {0, 1}, {0, 1}, plain, {.kind = "rotation", .amount = 90}));
  CHECK(base != id(Split::kTrain, {0, 1}, {0, 1}, plain, {.kind = "permutation", .seed = 1}));
  const SmallImages more(2, 4, 3);
  const ImageDataset other(
      ImageSources::get().make(config::Node::parse(kSmallSource, "a.yaml"), {more.root()}),
      {Split::kTrain, {0, 1}, {0, 1}}, {}, ImageTransform(plain));
  CHECK(base != other.id());
}

TEST_CASE("training views do not depend on the number of threads", "[streams]") {
  const SmallImages images(2, 20, 1);
  const std::string yaml = "{split_images: {source: " + kSmallSource +
                           ", transform: {image_size: 8, augment: crop_flip}}}";
  const auto stream =
      Streams::get().make(config::Node::parse(yaml, "a.yaml"), {RngKey(1), images.root()});
  const DatasetPtr data = stream->experience(0).train;
  CHECK(data->augments());
  Numbers rows(40);
  std::iota(rows.begin(), rows.end(), 0);
  const auto fetch = [&](size_t threads) {
    const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
    return data->fetch(rows, View::train(RngKey(9)));
  };
  CHECK(fetch(1).equal(fetch(2)));
}

TEST_CASE("the data outlive the stream", "[streams]") {
  const SmallImages images(2, 2, 1);
  const DatasetPtr data = make(images, "class_order: natural")->experience(0).train;
  CHECK(levels(*data) == Numbers{0, 2, 1, 3});
}

TEST_CASE("options that do not fit are refused where they stand", "[streams]") {
  const auto check = [](const std::string& text) {
    Streams::get().check(config::Node::parse("split_images:\n  " + text + "\n", "a.yaml"));
  };
  CHECK_THROWS_WITH(check("increment: 0"), Contains("a.yaml:2:14: split_images.increment"));
  CHECK_THROWS_WITH(check("scenario: online"), Contains("a.yaml:2:13") && Contains("'domain'"));
  CHECK_THROWS_WITH(check("class_order: explicit"), Contains("split_images.order: missing"));
  CHECK_THROWS_WITH(check("transform: {resize: 16}"), Contains("split_images.transform.resize"));
  CHECK_THROWS_WITH(check("source: fashion_mnits"), Contains("did you mean 'fashion_mnist'"));
  CHECK_THROWS_WITH(check("source: {idx: {train_image: a}}"), Contains("'train_images'"));
  CHECK_NOTHROW(check("increment: 5"));
  // Boundaries cannot be hidden from outside: a stream without them is made so.
  CHECK_THROWS_WITH(check("scenario: task_free"), Contains("a.yaml:2:13"));
}

TEST_CASE("options are held against the number of classes where that is known without the files",
          "[streams]") {
  const auto check = [](const std::string& text) {
    Streams::get().check(config::Node::parse("split_images:\n  " + text + "\n", "a.yaml"));
  };
  CHECK_NOTHROW(check("init_classes: 10"));
  CHECK_THROWS_WITH(check("init_classes: 11"),
                    Contains("a.yaml:2:17: split_images.init_classes: expected at most 10"));
  CHECK_THROWS_WITH(check("increment: 12"),
                    Contains("split_images.increment: expected at most 10"));
  CHECK_THROWS_WITH(check("class_order: explicit\n  order: [1, 0]"),
                    Contains("a.yaml:3:10: split_images.order: expected all 10"));
  // 10 classes, 4 at a time: 4, 4, 2
  CHECK_THROWS_WITH(check("scenario: domain\n  increment: 4"), Contains("found 4, 4, 2"));
  CHECK_THROWS_WITH(check("init_classes: 3\n  source: {idx: {class_names: [a, b]}}"),
                    Contains("expected at most 2, the number of classes of 'idx'"));
  CHECK_NOTHROW(check("init_classes: 50\n  source: idx"));
}

TEST_CASE("the shape of a stream's samples is known from its options", "[streams]") {
  for (const char* text : {"{blobs: {image_size: 6}}",
                           "{formula_images: {image_size: 16, num_train: 4, num_test: 2}}"}) {
    INFO(text);
    const auto choice = config::Node::parse(text, "a.yaml");
    const auto& shape = Streams::get().find(choice).sample_shape;
    REQUIRE(shape);
    const auto stream = Streams::get().make(choice, {RngKey(1), {}});
    CHECK(shape(config::choice(choice).options) == stream->info().sample_shape);
  }
  const auto images =
      config::Node::parse("{split_images: {transform: {image_size: 24}}}", "a.yaml");
  CHECK(Streams::get().find(images).sample_shape(config::choice(images).options) ==
        Numbers{3, 24, 24});
}

TEST_CASE("split_images poses Split Fashion-MNIST by default", "[streams]") {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")) {
    WARN("Debian package dataset-fashion-mnist is not installed; nothing is checked");
    return;
  }
  const auto stream =
      Streams::get().make(config::Node::parse("{split_images: {class_order: natural}}", "a.yaml"),
                          {RngKey(1), "/usr/share/datasets"});
  CHECK(stream->info().num_experiences == 5);
  CHECK(stream->info().num_classes == 10);
  const Experience third = stream->experience(2);
  CHECK(third.name == "Coat+Sandal");
  CHECK(third.train->size() == 12000);
  CHECK(third.test->size() == 2000);
  const Numbers rows{0, 11999};
  const Tensor x = third.train->fetch(rows, View::test());
  CHECK(x.min().item<double>() == 0);
  CHECK(x.max().item<double>() <= 1);
  CHECK(x.max().item<double>() > 0.5);
}

}  // namespace
}  // namespace cl
