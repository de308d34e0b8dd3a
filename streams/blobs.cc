// Gaussian clouds around random patterns: the smallest stream on which learning can be told from
// guessing. For tests; needs no data.
#include <memory>
#include <utility>

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include "core/base/check.h"
#include "core/data/tensor_dataset.h"
#include "core/stream/scenario_option.h"
#include "core/stream/stream.h"

namespace cl {
namespace {

constexpr int64_t kChannels = 3;
constexpr float kGrey = 0.5F;  // centre of all patterns

class Blobs final : public Stream {
 public:
  struct Options {
    std::string scenario = "class";
    int64_t classes = 6;
    int64_t experiences = 3;
    int64_t train_per_class = 32;
    int64_t test_per_class = 16;
    int64_t image_size = 8;
    double separation = 0.25;
    double noise = 0.1;

    void fields(config::Fields& fields) {
      scenario_field(fields, scenario);
      fields.field("classes", classes, "over the whole stream", {2, 10000});
      fields.field("experiences", experiences, "that the classes are divided among", {1, 10000});
      fields.field("train_per_class", train_per_class, "training samples a class", {1, 1e6});
      fields.field("test_per_class", test_per_class, "test samples a class", {1, 1e6});
      fields.field("image_size", image_size, "side of the square image, pixels", {1, 512});
      fields.field("separation", separation, "standard deviation of the classes' patterns",
                   {0, 10});
      fields.field("noise", noise, "standard deviation of a sample around its pattern", {0, 10});
    }
    [[nodiscard]] std::vector<int64_t> sample_shape() const {
      return {kChannels, image_size, image_size};
    }
    void check(const config::Node& node) const {
      if (classes % experiences == 0) return;
      node.at_or_null("experiences")
          .fail(
              fmt::format("expected a divisor of the {} classes, found {}", classes, experiences));
    }
  };

  Blobs(const Options& options, const StreamParts& parts) : options_(options), key_(parts.key) {
    info_.name = "blobs";
    info_.scenario = scenario(options_.scenario);
    info_.num_experiences = options_.experiences;
    info_.num_classes =
        info_.scenario == Scenario::kDomain ? classes_per_experience() : options_.classes;
    info_.sample_shape = options_.sample_shape();
    for (int64_t c = 0; c < info_.num_classes; ++c) {
      info_.class_names.push_back(fmt::format("blob {}", c));
    }
  }

  [[nodiscard]] const StreamInfo& info() const override { return info_; }

  [[nodiscard]] Experience experience(int64_t k) const override {
    CL_CHECK(k >= 0 && k < info_.num_experiences, "experience {} of {}", k, info_.num_experiences);
    const int64_t first = k * classes_per_experience();
    Experience experience;
    experience.index = k;
    experience.name = fmt::format("blobs {}-{}", first, first + classes_per_experience() - 1);
    const int64_t first_label = info_.scenario == Scenario::kDomain ? 0 : first;
    for (int64_t i = 0; i < classes_per_experience(); ++i) {
      experience.classes.push_back(first_label + i);
    }
    experience.train = samples(first, first_label, "train", options_.train_per_class);
    experience.test = samples(first, first_label, "test", options_.test_per_class);
    return experience;
  }

 private:
  [[nodiscard]] int64_t classes_per_experience() const {
    return options_.classes / options_.experiences;
  }

  /// `per_class` samples of each class of the experience that starts with blob `first`.
  [[nodiscard]] DatasetPtr samples(int64_t first, int64_t first_label, std::string_view split,
                                   int64_t per_class) const {
    const int64_t pixels = kChannels * options_.image_size * options_.image_size;
    const int64_t count = classes_per_experience() * per_class;
    at::Tensor x =
        at::empty({count, kChannels, options_.image_size, options_.image_size}, at::kFloat);
    at::Tensor labels = at::empty({count}, at::kLong);
    float* value = x.data_ptr<float>();
    int64_t* label = labels.data_ptr<int64_t>();
    for (int64_t i = 0; i < classes_per_experience(); ++i) {
      const auto blob = static_cast<uint64_t>(first + i);
      const std::vector<double> centre = pattern(blob, pixels);
      std::mt19937_64 engine = key_.child(split).child(blob).engine();
      for (int64_t n = 0; n < per_class; ++n) {
        *label++ = first_label + i;
        for (const double c : centre) {
          *value++ = kGrey + static_cast<float>(c + options_.noise * normal(engine));
        }
      }
    }
    return std::make_shared<TensorDataset>(x, labels);
  }

  [[nodiscard]] std::vector<double> pattern(uint64_t blob, int64_t pixels) const {
    std::mt19937_64 engine = key_.child("pattern").child(blob).engine();
    std::vector<double> result(static_cast<size_t>(pixels));
    for (double& value : result) value = options_.separation * normal(engine);
    return result;
  }

  Options options_;
  RngKey key_;
  StreamInfo info_;
};

const RegisterStream<Blobs> kRegistered{"blobs", "Gaussian clouds around random patterns",
                                        "baseline"};

}  // namespace
}  // namespace cl
