// A source of several domains without files, for the tests of the streams: its images are grey and
// say nothing, its table is what counts.
#include <fmt/format.h>
#include <opencv2/core.hpp>

#include "core/stream/image_source.h"

namespace cl {
namespace {

/// Rows go domain by domain, and within a domain class by class.
class SmallDomains final : public ImageSource {
 public:
  struct Options {
    std::vector<std::string> domains{"ink", "chalk", "sand"};
    int64_t classes = 2;
    int64_t train = 3;
    int64_t test = 2;

    void fields(config::Fields& fields) {
      fields.field("domains", domains, "names");
      fields.field("classes", classes, "in each domain", {1, 100});
      fields.field("train", train, "images of a class in a domain", {1, 100});
      fields.field("test", test, "images of a class in a domain", {1, 100});
    }
  };

  SmallDomains(const Options& options, const ImageSourceParts& /*parts*/) {
    info_.domain_names = options.domains;
    info_.digest = fmt::format("{} {} {}", options.domains.size(), options.train, options.test);
    for (int64_t c = 0; c < options.classes; ++c)
      info_.class_names.push_back(fmt::format("c{}", c));
    fill(train_, options.train);
    fill(test_, options.test);
  }

  [[nodiscard]] const ImageSourceInfo& info() const override { return info_; }
  [[nodiscard]] const ImageTable& table(Split split) const override {
    return split == Split::kTrain ? train_ : test_;
  }
  [[nodiscard]] cv::Mat image(Split /*split*/, int64_t index) const override {
    return cv::Mat(2, 2, CV_8UC3, cv::Scalar::all(static_cast<double>(index)));
  }

 private:
  void fill(ImageTable& table, int64_t images) const {
    for (size_t domain = 0; domain < info_.domain_names.size(); ++domain) {
      for (size_t c = 0; c < info_.class_names.size(); ++c) {
        for (int64_t i = 0; i < images; ++i) {
          table.domains.push_back(static_cast<int64_t>(domain));
          table.labels.push_back(static_cast<int64_t>(c));
        }
      }
    }
  }

  ImageSourceInfo info_;
  ImageTable train_, test_;
};

const RegisterImageSource<SmallDomains> kRegistered{"small_domains", "grey images of few domains",
                                                    "for tests"};

}  // namespace
}  // namespace cl
