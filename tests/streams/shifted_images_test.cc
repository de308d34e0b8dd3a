#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/rng.h"
#include "core/stream/stream_plan.h"
#include "tests/streams/small_images.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

using Numbers = std::vector<int64_t>;

std::unique_ptr<Stream> make(const std::filesystem::path& root, const std::string& options,
                             uint64_t seed = 1) {
  const std::string yaml = "{shifted_images: {source: " + kSmallSource +
                           ", transform: {image_size: 2}, " + options + "}}";
  return Streams::get().make(config::Node::parse(yaml, "a.yaml"), {RngKey(seed), root});
}

/// Training and test image are 1 2 / 3 4, levels of all channels.
std::unique_ptr<SmallImages> corners() {
  auto images = std::make_unique<SmallImages>(1, 1, 1);
  for (const char* file : {"small/train-images", "small/test-images"}) {
    images->folder().write(file, idx_bytes({1, 2, 2}, "\x01\x02\x03\x04"));
  }
  return images;
}

/// The levels of the first sample's first channel, row by row.
Numbers levels(const Dataset& data) {
  const Tensor x = data.fetch(Numbers{0}, View::test())[0][0].flatten();
  Numbers result;
  for (int64_t i = 0; i < x.numel(); ++i) {
    result.push_back(std::llround(x[i].item<double>() * 255));
  }
  return result;
}

TEST_CASE("a rotated stream turns all images from experience to experience", "[streams]") {
  const auto images = corners();
  const auto stream = make(images->root(), "shift: rotation, num_experiences: 3, max_angle: 180");
  CHECK(stream->info().scenario == Scenario::kDomain);
  CHECK(stream->info().num_experiences == 3);
  CHECK(stream->info().num_classes == 1);
  CHECK(levels(*stream->experience(0).train) == Numbers{1, 2, 3, 4});
  CHECK(levels(*stream->experience(1).train) == Numbers{2, 4, 1, 3});
  CHECK(levels(*stream->experience(1).test) == Numbers{2, 4, 1, 3});
  CHECK(levels(*stream->experience(2).test) == Numbers{4, 3, 2, 1});
  CHECK(stream->experience(1).name == "90 degrees");
  CHECK(stream->experience(1).facts == Facts{{"angle", 90}});
  const auto listed = make(images->root(), "angles: [-90, 0]");
  CHECK(listed->info().num_experiences == 2);
  CHECK(levels(*listed->experience(0).train) == Numbers{3, 1, 4, 2});
  CHECK(listed->experience(0).facts == Facts{{"angle", -90}});
  CHECK(make(images->root(), "num_experiences: 1")->experience(0).facts == Facts{{"angle", 0}});
}

TEST_CASE("a permuted stream begins unpermuted and keeps each permutation", "[streams]") {
  const auto images = corners();
  const std::string options = "shift: permutation, num_experiences: 8";
  const auto stream = make(images->root(), options), other = make(images->root(), options, 2);
  CHECK(levels(*stream->experience(0).train) == Numbers{1, 2, 3, 4});
  CHECK(stream->experience(0).name == "unpermuted");
  int64_t num_moved = 0, num_different = 0;
  for (int64_t k = 1; k < 8; ++k) {
    const Numbers moved = levels(*stream->experience(k).train);
    CHECK(levels(*stream->experience(k).test) == moved);
    CHECK(std::is_permutation(moved.begin(), moved.end(), Numbers{1, 2, 3, 4}.begin()));
    CHECK(stream->experience(k).facts == Facts{{"permutation", static_cast<double>(k)}});
    num_moved += moved != Numbers{1, 2, 3, 4};
    num_different += moved != levels(*other->experience(k).train);
  }
  CHECK(num_moved > 0);
  CHECK(num_different > 0);
}

TEST_CASE("a corrupted stream goes through its list", "[streams]") {
  const SmallImages images(2, 3, 2);
  const auto stream = make(
      images.root(), "shift: corruption, corruptions: [brightness, fog], severities: [3, 1.5]");
  REQUIRE(stream->info().num_experiences == 3);
  CHECK(stream->experience(0).name == "clean");
  CHECK(stream->experience(0).facts == Facts{{"corruption", 0}, {"severity", 0}});
  CHECK(stream->experience(1).name == "brightness 3");
  // Tenth of the list of corruptions.
  CHECK(stream->experience(1).facts == Facts{{"corruption", 10}, {"severity", 3}});
  CHECK(stream->experience(2).facts.back() == std::pair<std::string, double>("severity", 1.5));
  // Image 2 of the training split, under brightness + 0.15 * 255 = 38.25.
  CHECK(levels(*stream->experience(0).train) == Numbers{0, 0, 0, 0});
  CHECK(levels(*stream->experience(1).train) == Numbers{38, 38, 38, 38});
  CHECK(stream->experience(1).classes == Numbers{0, 1});
  CHECK(stream->experience(1).train->size() == 6);
  CHECK(stream->experience(1).test->size() == 4);
  CHECK(stream->plan()->experiences[1].train.rows == stream->plan()->experiences[2].train.rows);

  const auto at_once =
      make(images.root(), "shift: corruption, corruptions: [contrast], clean_first: false");
  CHECK(at_once->info().num_experiences == 1);
  CHECK(at_once->experience(0).name == "contrast 3");
}

TEST_CASE("a shift that is not known or does not fit is refused where it stands", "[streams]") {
  const auto check = [](const std::string& text) {
    Streams::get().check(config::Node::parse("shifted_images:\n  " + text + "\n", "a.yaml"));
  };
  CHECK_THROWS_WITH(check("corruptions: [frost]"),
                    Contains("a.yaml:2:16: shifted_images.corruptions") &&
                        Contains("gaussian_noise") && Contains("found 'frost'"));
  CHECK_THROWS_WITH(check("corruptions: []"), Contains("at least one"));
  CHECK_THROWS_WITH(check("severities: [1, 2]"), Contains("each of the 4 corruptions; found 2"));
  CHECK_THROWS_WITH(check("severities: [6]"), Contains("severities"));
  CHECK_THROWS_WITH(check("shift: mirror"), Contains("'rotation'"));
}

}  // namespace
}  // namespace cl
