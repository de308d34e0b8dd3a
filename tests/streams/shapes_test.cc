#include <algorithm>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include <oneapi/tbb/global_control.h>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "core/base/error.h"
#include "core/stream/stream.h"
#include "streams/shapes/outline.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

using Numbers = std::vector<int64_t>;

std::unique_ptr<Stream> make(const std::string& options, uint64_t seed = 1) {
  return Streams::get().make(config::Node::parse("{shapes: {" + options + "}}", "a.yaml"),
                             {RngKey(seed), {}});
}

// One experience of two shapes with that knob.
Tensor samples(const std::string& knob) {
  const auto stream =
      make("new_shapes: [2], train_per_class: 20" + (knob.empty() ? "" : ", " + knob));
  Numbers rows(40);
  std::iota(rows.begin(), rows.end(), 0);
  return stream->experience(0).train->fetch(rows, View::test());
}

double fact(const Experience& experience, const std::string& name) {
  for (const auto& [key, value] : experience.facts) {
    if (key == name) return value;
  }
  FAIL("no fact " << name);
  return 0;
}

/// The mean over samples of the variance of the Laplacian of the green plane.
double sharpness(const Tensor& x) {
  double sum = 0;
  for (int64_t i = 0; i < x.size(0); ++i) {
    const Tensor plane = x[i][1].contiguous();
    const cv::Mat image(32, 32, CV_32F, plane.data_ptr<float>());
    cv::Mat laplacian;
    cv::Laplacian(image, laplacian, CV_32F);
    cv::Scalar mean, deviation;
    cv::meanStdDev(laplacian, mean, deviation);
    sum += deviation[0] * deviation[0];
  }
  return sum / static_cast<double>(x.size(0));
}

TEST_CASE("shapes move one knob at a time by default, and say so", "[streams]") {
  const auto stream = make("");
  const StreamInfo& info = stream->info();
  CHECK(info.num_experiences == 6);
  CHECK(info.num_classes == 16);
  CHECK(info.scenario == Scenario::kClass);
  CHECK(info.sample_shape == Numbers{3, 32, 32});
  const std::vector<std::string> moved{"", "noise", "hue", "texture", "scale", "new_shapes"};
  for (int64_t k = 0; k < 6; ++k) {
    const Experience experience = stream->experience(k);
    CHECK(experience.facts.size() == 8);
    for (const auto& [name, value] : experience.facts) {
      if (k == 0 && name == "new_shapes") continue;  // all shapes are new at first
      INFO(name << " of experience " << k);
      CHECK((value != 0) == (name == moved[static_cast<size_t>(k)]));
    }
    CHECK(experience.classes.size() == 8u);
    CHECK(experience.train->size() == 800);
  }
  CHECK(stream->experience(5).classes == Numbers{8, 9, 10, 11, 12, 13, 14, 15});
  CHECK(stream->experience(2).name == "hue 0.5");
  CHECK(fact(stream->experience(4), "scale") == -1);
}

TEST_CASE("the longest list tells how many experiences of shapes there are", "[streams]") {
  const auto stream = make("blur: [0, 2, 4], rotation: [30]");
  REQUIRE(stream->info().num_experiences == 3);
  CHECK(stream->info().num_classes == 8);
  CHECK(fact(stream->experience(0), "rotation") == 30);
  CHECK(fact(stream->experience(1), "rotation") == 0);
  CHECK(fact(stream->experience(2), "blur") == 4);
  CHECK(fact(stream->experience(2), "noise") == 0);
  CHECK(make("scenario: domain")->info().num_experiences == 6);
}

TEST_CASE("noise, blur and contrast of shapes do what they say", "[streams]") {
  const Tensor plain = samples("");
  const auto difference = [&](const Tensor& x) { return x.sub(plain).std().item<double>(); };
  // Clipping at 0 and 1 takes a little of the noise away.
  CHECK(difference(samples("noise: [0.1]")) == Approx(0.1).margin(0.01));
  CHECK(samples("noise: [0]").equal(plain));
  CHECK(sharpness(samples("blur: [2]")) < 0.7 * sharpness(plain));
  CHECK(sharpness(samples("blur: [6]")) < sharpness(samples("blur: [2]")));
  const Tensor faded = samples("contrast: [0.75]");
  CHECK(faded.allclose(plain.mul(0.25).add(0.375)));
  CHECK(samples("contrast: [1]").std().item<double>() == Approx(0).margin(1e-6));
}

TEST_CASE("hue turns the colours of shapes and leaves their light", "[streams]") {
  // A third of the circle takes red to green, green to blue and blue to red.
  const Tensor plain = samples(""), turned = samples("hue: [0.3333333333333333]");
  CHECK(turned.select(1, 1).allclose(plain.select(1, 0), 0, 1e-4));
  CHECK(turned.select(1, 2).allclose(plain.select(1, 1), 0, 1e-4));
  CHECK(turned.select(1, 0).allclose(plain.select(1, 2), 0, 1e-4));
  CHECK(samples("hue: [1]").allclose(plain, 0, 1e-4));
  CHECK_FALSE(turned.allclose(plain, 0, 0.1));
}

TEST_CASE("texture, scale and rotation of shapes do what they say", "[streams]") {
  const Tensor plain = samples("");
  CHECK(sharpness(samples("texture: [0.8]")) > 1.5 * sharpness(plain));
  CHECK(sharpness(samples("texture: [0.4]")) < sharpness(samples("texture: [0.8]")));
  // A shape of half the size covers a quarter: its light stands out from a dark ground.
  const auto light = [](const Tensor& x) {
    return x.amax(1).gt(0.55).sum().item<double>();  // values: ground up to 0.4, shape from 0.7
  };
  CHECK(light(samples("scale: [-1]")) == Approx(light(plain) / 4).epsilon(0.15));
  const Tensor turned = samples("rotation: [90]");
  CHECK_FALSE(turned.equal(plain));
  CHECK(light(turned) == Approx(light(plain)).epsilon(0.05));
}

TEST_CASE("classes can be shapes of a colour", "[streams]") {
  const auto stream = make("class_of: shape_and_colour, new_shapes: [2, 0, 1]");
  CHECK(stream->info().num_classes == 9);
  const auto& names = stream->info().class_names;
  CHECK(std::set<std::string>(names.begin(), names.end()).size() == 9);
  CHECK(names[0].starts_with("red "));
  CHECK(names[2].starts_with("green "));
  CHECK(stream->experience(1).classes == Numbers{0, 1, 2, 3, 4, 5});
  CHECK(stream->experience(2).classes == Numbers{6, 7, 8});
  // Red shapes are redder than green, green ones greener than red.
  const DatasetPtr data = stream->experience(0).train;
  const Tensor red = data->fetch(Numbers{0}, View::test())[0];
  const Tensor green = data->fetch(Numbers{200}, View::test())[0];
  CHECK(red[0].max().item<double>() > red[1].max().item<double>());
  CHECK(green[1].max().item<double>() > green[0].max().item<double>());
}

TEST_CASE("in the domain scenario new shapes take the places of old ones", "[streams]") {
  const auto stream = make("scenario: domain, new_shapes: [3, 0, 3], noise: [0, 0.1, 0, 0]");
  CHECK(stream->info().num_classes == 3);
  CHECK(stream->info().class_names[1] == "position 1");
  for (int64_t k = 0; k < 4; ++k) CHECK(stream->experience(k).classes == Numbers{0, 1, 2});
  CHECK(fact(stream->experience(2), "new_shapes") == 3);
  CHECK(fact(stream->experience(3), "new_shapes") == 0);
  const auto kept = make("scenario: domain, new_shapes: [3], hue: [0, 0.2]");
  CHECK_FALSE(kept->info().class_names[1].starts_with("position"));
}

TEST_CASE("shapes follow from the key, whatever the threads", "[streams]") {
  const auto stream = make("texture: [0.5, 0.5], noise: [0.1, 0.1]"), other = make("", 2);
  const DatasetPtr data = stream->experience(0).train;
  CHECK(data->id() != other->experience(0).train->id());
  CHECK(data->id() != stream->experience(0).test->id());
  CHECK(data->id() != stream->experience(1).train->id());
  Numbers rows(16);
  std::iota(rows.begin(), rows.end(), 5);
  const auto fetch = [&](size_t threads) {
    const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
    return data->fetch(rows, View::test());
  };
  const Tensor once = fetch(1);
  CHECK(fetch(2).equal(once));
  CHECK(data->fetch(Numbers{7}, View::test())[0].equal(once[2]));
  CHECK(once.min().item<double>() >= 0);
  CHECK(once.max().item<double>() <= 1);
}

TEST_CASE("no shape is another one turned", "[streams]") {
  constexpr int kSide = 64;
  const size_t count = shapes::shape_names().size();
  CHECK(count == 24);
  for (size_t a = 0; a < count; ++a) {
    const cv::Mat first = shapes::filled(a, 0.7, 0, {0, 0}, kSide);
    const double size = cv::sum(first)[0];
    CHECK(size > 0.08 * 255 * kSide * kSide);
    CHECK(cv::sum(first.row(0))[0] + cv::sum(first.col(0))[0] == 0);  // all inside
    for (size_t b = a + 1; b < count; ++b) {
      double least = 1;
      for (int degrees = 0; degrees < 360; degrees += 5) {
        const cv::Mat second = shapes::filled(b, 0.7, degrees, {0, 0}, kSide);
        least = std::min(least, cv::norm(first, second, cv::NORM_L1) / size);
      }
      INFO(shapes::shape_names()[a] << " and " << shapes::shape_names()[b]);
      CHECK(least > 0.08);
    }
  }
}

TEST_CASE("shapes that do not fit are refused where they stand", "[streams]") {
  const auto check = [](const std::string& text) {
    Streams::get().check(config::Node::parse("shapes:\n  " + text + "\n", "a.yaml"));
  };
  CHECK_THROWS_WITH(check("new_shapes: [1]"), Contains("a.yaml:2:15: shapes.new_shapes"));
  CHECK_THROWS_WITH(check("new_shapes: [20, 5]"), Contains("24 in sum at most") && Contains("25"));
  CHECK_THROWS_WITH(check("scenario: domain\n  new_shapes: [4, 2]"), Contains("found 4, 2"));
  CHECK_THROWS_WITH(check("noise: [2]"), Contains("shapes.noise"));
  CHECK_NOTHROW(check("scenario: domain\n  new_shapes: [4, 0, 4]"));
}

}  // namespace
}  // namespace cl
