// Coloured shapes under shifts of known kind and amount, each an independent knob: for questions
// of what in a network has to change for which change of the world.
//
// Low level: noise, blur, hue, contrast. Middle: texture, scale and rotation of the shape. High
// level: new shapes. Every image is drawn when it is fetched. Each knob's value is a fact of its
// experience. In the class and task scenarios, new shapes are new classes; an experience without
// any shows all classes so far. In the domain scenario, new shapes take the places of the ones
// before, under the same labels.
#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <opencv2/core.hpp>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/stream/scenario_option.h"
#include "core/stream/stream.h"
#include "streams/shapes/knobs.h"
#include "streams/shapes/outline.h"
#include "streams/shapes/scene.h"

namespace cl {
namespace {

using shapes::kColours;
using shapes::kKnobs;
using shapes::Knobs;

constexpr std::array<std::string_view, 2> kClassings{"shape", "shape_and_colour"};
constexpr const char* kNewShapes = "new_shapes";
constexpr int64_t kFirstShapes = 8;  // where new_shapes is left out

/// What moves in which experience.
struct Lists {
  std::vector<int64_t> new_shapes;
  std::array<std::vector<double>, kKnobs.size()> knobs;

  [[nodiscard]] int64_t num_experiences() const {
    size_t longest = new_shapes.size();
    for (const auto& values : knobs) longest = std::max(longest, values.size());
    return static_cast<int64_t>(longest);
  }
  /// With what stands for lists left out.
  [[nodiscard]] Lists completed() const {
    if (num_experiences() == 0) {
      return {{kFirstShapes, 0, 0, 0, 0, kFirstShapes},
              {{{0, 0.25}, {}, {0, 0, 0.5}, {}, {0, 0, 0, 0.8}, {0, 0, 0, 0, -1}, {}}}};
    }
    Lists result = *this;
    if (new_shapes.empty()) result.new_shapes = {kFirstShapes};
    return result;
  }
};

/// The item of a list whose end is left out where it is all zeros.
template <class T>
T at_or_zero(const std::vector<T>& list, int64_t k) {
  return static_cast<size_t>(k) < list.size() ? list[static_cast<size_t>(k)] : T(0);
}

struct ShapeClass {
  int64_t label = 0;
  size_t shape = 0;
  std::optional<size_t> colour;
};

/// All that decides the images of an experience but their number.
struct Lesson {
  std::vector<ShapeClass> classes;  // by label
  Knobs knobs;
  int64_t num_new_shapes = 0;
};

class ShapeDataset final : public Dataset {
 public:
  ShapeDataset(Lesson lesson, int64_t per_class, int64_t image_size, const RngKey& key)
      : lesson_(std::move(lesson)),
        per_class_(per_class),
        side_(static_cast<int>(image_size)),
        key_(key),
        labels_(at::empty({static_cast<int64_t>(lesson_.classes.size()) * per_class}, at::kLong)) {
    std::string canonical = fmt::format("shapes 1 {} {} {}", key.bits(), per_class, image_size);
    for (const auto& knob : kKnobs) canonical += fmt::format(" {}", lesson_.knobs.*knob.value);
    int64_t* label = labels_.data_ptr<int64_t>();
    for (const ShapeClass& one : lesson_.classes) {
      label = std::fill_n(label, per_class, one.label);
      canonical += fmt::format(", {} {} {}", one.label, one.shape, one.colour.value_or(99));
    }
    id_ = config::digest(canonical);
  }

  [[nodiscard]] int64_t size() const override { return labels_.numel(); }
  [[nodiscard]] const std::string& id() const override { return id_; }
  [[nodiscard]] bool augments() const override { return false; }
  [[nodiscard]] const Tensor& labels() const override { return labels_; }

  [[nodiscard]] Tensor fetch(std::span<const int64_t> rows, const View& /*view*/) const override {
    const auto count = static_cast<int64_t>(rows.size());
    Tensor x = at::empty({count, 3, side_, side_}, at::kFloat);
    auto* out = x.data_ptr<float>();
    const int64_t area = static_cast<int64_t>(side_) * side_;
    parallel_for(count, [&](int64_t i) {
      const int64_t row = rows[static_cast<size_t>(i)];
      const ShapeClass& one = lesson_.classes.at(static_cast<size_t>(row / per_class_));
      const cv::Mat image = shapes::draw_scene(one.shape, one.colour, lesson_.knobs, side_,
                                               key_.child(static_cast<uint64_t>(row)));
      std::vector<cv::Mat> planes;
      for (int channel = 0; channel < 3; ++channel) {
        planes.emplace_back(side_, side_, CV_32F, out + (3 * i + channel) * area);
      }
      cv::split(image, planes);
    });
    return x;
  }

 private:
  Lesson lesson_;
  int64_t per_class_;
  int side_;
  RngKey key_;
  Tensor labels_;
  std::string id_;
};

class Shapes final : public Stream {
 public:
  struct Options {
    std::string scenario = "class";
    std::string class_of = "shape";
    Lists lists;
    int64_t train_per_class = 100;
    int64_t test_per_class = 25;
    int64_t image_size = 32;

    void fields(config::Fields& fields) {
      scenario_field(fields, scenario);
      fields.field("class_of", class_of, "what a class is", kClassings);
      fields.field(kNewShapes, lists.new_shapes,
                   "high level: number of new shapes, an experience each; the longest list tells "
                   "the number of experiences, shorter ones go on with zeros; all empty: noise, "
                   "hue, texture, scale and shapes move in turn",
                   {0, static_cast<double>(shapes::shape_names().size())});
      for (size_t i = 0; i < kKnobs.size(); ++i) {
        fields.field(kKnobs[i].name, lists.knobs[i], kKnobs[i].doc, {kKnobs[i].min, kKnobs[i].max});
      }
      fields.field("train_per_class", train_per_class, "training images a class and experience",
                   {1, 1e6});
      fields.field("test_per_class", test_per_class, "test images a class and experience",
                   {1, 1e6});
      fields.field("image_size", image_size, "side of an image, pixels", {8, 512});
    }
    [[nodiscard]] std::vector<int64_t> sample_shape() const { return {3, image_size, image_size}; }
    void check(const config::Node& node) const;
  };

  Shapes(const Options& options, const StreamParts& parts);

  [[nodiscard]] const StreamInfo& info() const override { return info_; }
  [[nodiscard]] Experience experience(int64_t k) const override;

 private:
  void add_classes(Lesson& lesson, size_t first_shape, size_t num_shapes, size_t first_label);

  Options options_;
  RngKey key_;
  std::vector<int64_t> order_;  // of the shapes
  std::vector<Lesson> lessons_;
  StreamInfo info_;
};

void Shapes::Options::check(const config::Node& node) const {
  const std::vector<int64_t> new_shapes = lists.completed().new_shapes;
  const int64_t first = at_or_zero(new_shapes, 0);
  if (first < 2) {
    node.at_or_null(kNewShapes).fail("expected two shapes or more in the first experience");
  }
  const int64_t total = std::accumulate(new_shapes.begin(), new_shapes.end(), int64_t{0});
  const auto known = static_cast<int64_t>(shapes::shape_names().size());
  if (total > known) {
    node.at_or_null(kNewShapes)
        .fail(fmt::format("expected {} in sum at most, the number of shapes; found {}", known,
                          total));
  }
  const bool fits = std::all_of(new_shapes.begin(), new_shapes.end(),
                                [&](int64_t count) { return count == 0 || count == first; });
  if (cl::scenario(scenario) == Scenario::kDomain && !fits) {
    node.at_or_null(kNewShapes)
        .fail(fmt::format("expected 0 or {}, as many as in the first experience, which the domain "
                          "scenario needs; found {}",
                          first, fmt::join(new_shapes, ", ")));
  }
}

Shapes::Shapes(const Options& options, const StreamParts& parts)
    : options_(options),
      key_(parts.key),
      order_(
          permutation(key_.child("shapes"), static_cast<int64_t>(shapes::shape_names().size()))) {
  info_.name = "shapes";
  info_.scenario = scenario(options_.scenario);
  const Lists lists = options_.lists.completed();
  info_.num_experiences = lists.num_experiences();
  info_.sample_shape = options_.sample_shape();
  const bool replaces = info_.scenario == Scenario::kDomain;
  size_t num_shapes = 0;  // so far
  Lesson lesson;          // with all classes of the experience before
  for (int64_t k = 0; k < info_.num_experiences; ++k) {
    lesson.num_new_shapes = at_or_zero(lists.new_shapes, k);
    for (size_t i = 0; i < kKnobs.size(); ++i) {
      lesson.knobs.*kKnobs[i].value = at_or_zero(lists.knobs[i], k);
    }
    const auto num_new = static_cast<size_t>(lesson.num_new_shapes);
    Lesson shown = lesson;
    if (num_new > 0) {
      shown.classes.clear();
      add_classes(shown, num_shapes, num_new, replaces ? 0 : lesson.classes.size());
      if (replaces) lesson.classes.clear();
      lesson.classes.insert(lesson.classes.end(), shown.classes.begin(), shown.classes.end());
      num_shapes += num_new;
    }
    lessons_.push_back(std::move(shown));
  }
  info_.num_classes = static_cast<int64_t>(lesson.classes.size());
  const bool replaced = num_shapes > static_cast<size_t>(lists.new_shapes[0]);
  for (const ShapeClass& one : lesson.classes) {
    const std::string colour = one.colour ? fmt::format("{} ", kColours[*one.colour]) : "";
    info_.class_names.push_back(
        replaces && replaced ? fmt::format("position {}", one.label)
                             : fmt::format("{}{}", colour, shapes::shape_names()[one.shape]));
  }
}

void Shapes::add_classes(Lesson& lesson, size_t first_shape, size_t num_shapes,
                         size_t first_label) {
  auto label = static_cast<int64_t>(first_label);
  for (size_t i = first_shape; i < first_shape + num_shapes; ++i) {
    const auto shape = static_cast<size_t>(order_[i]);
    if (options_.class_of == "shape") {
      lesson.classes.push_back({label++, shape, std::nullopt});
      continue;
    }
    for (size_t colour = 0; colour < kColours.size(); ++colour) {
      lesson.classes.push_back({label++, shape, colour});
    }
  }
}

Experience Shapes::experience(int64_t k) const {
  CL_CHECK(k >= 0 && k < info_.num_experiences, "experience {} of {}", k, info_.num_experiences);
  const Lesson& lesson = lessons_[static_cast<size_t>(k)];
  Experience result;
  result.index = k;
  std::vector<std::string> moved;
  for (const auto& knob : kKnobs) {
    const double value = lesson.knobs.*knob.value;
    result.facts.emplace_back(knob.name, value);
    if (value != 0) moved.push_back(fmt::format("{} {:g}", knob.name, value));
  }
  result.facts.emplace_back(kNewShapes, static_cast<double>(lesson.num_new_shapes));
  if (lesson.num_new_shapes > 0) {
    moved.push_back(fmt::format("{} new shapes", lesson.num_new_shapes));
  }
  result.name = moved.empty() ? "no shift" : fmt::format("{}", fmt::join(moved, ", "));
  for (const ShapeClass& one : lesson.classes) result.classes.push_back(one.label);
  const auto data_set = [&](std::string_view split, int64_t per_class) {
    return std::make_shared<ShapeDataset>(lesson, per_class, options_.image_size,
                                          key_.child(split).child(static_cast<uint64_t>(k)));
  };
  result.train = data_set("train", options_.train_per_class);
  result.test = data_set("test", options_.test_per_class);
  return result;
}

const RegisterStream<Shapes> kRegistered{
    "shapes",
    "coloured shapes under shifts of known kind and amount, from noise to new shapes",
    "after Wang et al. 2025, SEMA (expansion block by block); own drawings",
    {.repeats_classes = true}};

}  // namespace
}  // namespace cl
