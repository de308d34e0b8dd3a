// The classes of an image source, a few at a time: "Split MNIST", "Split CIFAR", ...
//
// The scenario decides what a label means and what is told about the experience (van de Ven and
// Tolias 2019). Class- and task-incremental: the label of a class is its position in
// the class order. Domain-incremental: the label is the position within the experience, so that
// every experience poses the same question ("first or second class?") about other images.
#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/check.h"
#include "core/base/error.h"
#include "core/data/image_transform.h"
#include "core/stream/class_order.h"
#include "core/stream/image_dataset.h"
#include "core/stream/sample_choice.h"
#include "core/stream/scenario_option.h"
#include "core/stream/stream.h"

namespace cl {
namespace {

constexpr size_t kMostNames = 3;  // in the name of an experience

class SplitImages final : public Stream {
 public:
  struct Options {
    config::Node source = config::Node::of("fashion_mnist");
    std::string scenario = "class";
    ClassIncrements increments;
    ClassOrder order;
    SampleChoice samples;
    ImageTransform::Options transform;

    void fields(config::Fields& fields) {
      fields.plugin("source", source, ImageSource::kKind, "where the images come from");
      scenario_field(fields, scenario);
      increments.fields(fields);
      order.fields(fields);
      samples.fields(fields);
      fields.group("transform", transform, "from an image to the backbone's input");
    }
    void check(const config::Node& node) const {
      increments.check(node);
      order.check(node);
      transform.check(node.at_or_null("transform"));
      const auto& num_classes = ImageSources::get().entry(source).traits.num_classes;
      if (num_classes) check_classes(node, num_classes(config::choice(source).options));
    }
    [[nodiscard]] std::vector<int64_t> sample_shape() const {
      return {3, transform.image_size, transform.image_size};
    }

   private:
    /// @param known  classes of the source; 0 where only its files tell
    void check_classes(const config::Node& node, int64_t known) const {
      if (known == 0) return;
      const std::string& name = config::choice(source).name;
      const char* first = increments.init_classes > 0 ? "init_classes" : "increment";
      const int64_t size =
          increments.init_classes > 0 ? increments.init_classes : increments.increment;
      if (size > known) {
        node.at_or_null(first).fail(fmt::format(
            "expected at most {}, the number of classes of '{}'; found {}", known, name, size));
      }
      const auto listed = static_cast<int64_t>(order.order.size());
      if (listed > 0 && listed != known) {
        node.at_or_null("order").fail(
            fmt::format("expected all {} class numbers of '{}', found {}", known, name, listed));
      }
      const auto sizes = increments.sizes(known);
      if (cl::scenario(scenario) == Scenario::kDomain && sizes.back() != sizes.front()) {
        node.at_or_null(first).fail(
            fmt::format("expected as many classes in every experience, which the domain scenario "
                        "needs; found {} of the {} classes of '{}'",
                        fmt::join(sizes, ", "), known, name));
      }
    }
  };

  SplitImages(const Options& options, const StreamParts& parts)
      : source_(ImageSources::get().make(options.source, {parts.data_root})),
        transform_(options.transform),
        order_(options.order.classes(static_cast<int64_t>(source_->class_names().size()),
                                     parts.key.child("class_order"))),
        sizes_(options.increments.sizes(static_cast<int64_t>(order_.size()))),
        samples_(options.samples.choose(*source_, parts.key.child("samples"))) {
    info_.name = "split_images";
    info_.scenario = scenario(options.scenario);
    info_.num_experiences = static_cast<int64_t>(sizes_.size());
    info_.sample_shape = options.sample_shape();
    if (info_.scenario == Scenario::kDomain) {
      name_positions();
    } else {
      for (const int64_t c : order_) info_.class_names.push_back(source_name(c));
    }
    info_.num_classes = static_cast<int64_t>(info_.class_names.size());
  }

  [[nodiscard]] const StreamInfo& info() const override { return info_; }

  [[nodiscard]] Experience experience(int64_t k) const override {
    CL_CHECK(k >= 0 && k < info_.num_experiences, "experience {} of {}", k, info_.num_experiences);
    const int64_t begin = std::accumulate(sizes_.begin(), sizes_.begin() + k, int64_t{0});
    const int64_t first_label = info_.scenario == Scenario::kDomain ? 0 : begin;

    Experience experience;
    experience.index = k;
    std::vector<std::string> names;
    Rows train, test;
    for (int64_t i = 0; i < sizes_[static_cast<size_t>(k)]; ++i) {
      const int64_t source_class = order_[static_cast<size_t>(begin + i)];
      const ChosenSamples::OfClass& chosen = samples_.classes[static_cast<size_t>(source_class)];
      experience.classes.push_back(first_label + i);
      names.push_back(source_name(source_class));
      train.add(chosen.train, first_label + i);
      test.add(chosen.test, first_label + i);
    }
    experience.name = short_name(names);
    experience.train = data_set(Split::kTrain, std::move(train));
    experience.test = data_set(samples_.test_split, std::move(test));
    return experience;
  }

 private:
  /// Rows of a split with their new labels, class after class.
  struct Rows {
    std::vector<int64_t> rows, labels;

    void add(const std::vector<int64_t>& of_class, int64_t label) {
      rows.insert(rows.end(), of_class.begin(), of_class.end());
      labels.insert(labels.end(), of_class.size(), label);
    }
  };

  [[nodiscard]] const std::string& source_name(int64_t source_class) const {
    return source_->class_names()[static_cast<size_t>(source_class)];
  }

  void name_positions() {
    const int64_t size = sizes_.front();
    if (std::any_of(sizes_.begin(), sizes_.end(), [=](int64_t other) { return other != size; })) {
      throw Error(fmt::format(
          "split_images: the domain scenario needs as many classes in every experience, found {}; "
          "choose an increment that divides the {} classes",
          fmt::join(sizes_, ", "), order_.size()));
    }
    for (int64_t i = 0; i < size; ++i) info_.class_names.push_back(fmt::format("position {}", i));
  }

  static std::string short_name(const std::vector<std::string>& names) {
    if (names.size() <= kMostNames) return fmt::format("{}", fmt::join(names, "+"));
    return fmt::format("{}+{} more", names.front(), names.size() - 1);
  }

  [[nodiscard]] DatasetPtr data_set(Split split, Rows rows) const {
    return std::make_shared<ImageDataset>(source_, split, std::move(rows.rows), rows.labels,
                                          transform_);
  }

  std::shared_ptr<const ImageSource> source_;  // shared with the data sets, which may outlive this
  ImageTransform transform_;
  std::vector<int64_t> order_;  // the source's class numbers in learning order
  std::vector<int64_t> sizes_;  // classes of each experience
  ChosenSamples samples_;
  StreamInfo info_;
};

const RegisterStream<SplitImages> kRegistered{
    "split_images", "the classes of an image source, a few at a time",
    "van de Ven and Tolias 2019, \"Three scenarios for continual learning\""};

}  // namespace
}  // namespace cl
