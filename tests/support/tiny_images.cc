// A source of images that needs no files, registered as `tiny_images`: ten classes, two domains,
// each thing in both of them. With it every scenario can be examined on any machine.
#include <array>

#include "core/stream/image_source.h"

namespace cl::testing {
namespace {

constexpr int64_t kClasses = 10;
constexpr std::array<int64_t, 2> kThings{12, 4};  // of a class, by split
constexpr int kSide = 8;

class TinyImages final : public ImageSource {
 public:
  struct Options {
    int64_t variant = 0;
    void fields(config::Fields& fields) {
      fields.field("variant", variant, "other images of the same kind", {0, 100});
    }
  };
  TinyImages(const Options& options, const ImageSourceParts&) : mark_(255 - options.variant) {
    for (int64_t c = 0; c < kClasses; ++c)
      info_.class_names.push_back("class " + std::to_string(c));
    info_.domain_names = {"dark", "light"};
    info_.digest = "tiny " + std::to_string(options.variant);
    int64_t identity = 0;
    for (size_t split = 0; split < kThings.size(); ++split) {
      for (int64_t thing = 0; thing < kClasses * kThings[split]; ++thing, ++identity) {
        for (int64_t domain = 0; domain < 2; ++domain) {
          tables_[split].labels.push_back(thing % kClasses);
          tables_[split].domains.push_back(domain);
          tables_[split].identities.push_back(identity);
        }
      }
    }
  }

  [[nodiscard]] const ImageSourceInfo& info() const override { return info_; }
  [[nodiscard]] const ImageTable& table(Split split) const override {
    return tables_[split == Split::kTrain ? 0 : 1];
  }
  [[nodiscard]] cv::Mat image(Split split, int64_t index) const override {
    const ImageTable& facts = table(split);
    const auto row = static_cast<size_t>(index);
    const auto level = static_cast<double>(facts.identities[row] % 100 + 100 * facts.domains[row]);
    cv::Mat result(kSide, kSide, CV_8UC3, cv::Scalar::all(level));
    result.row(static_cast<int>(facts.labels[row]) % kSide)
        .setTo(cv::Scalar::all(static_cast<double>(mark_)));
    return result;
  }

 private:
  int64_t mark_;  // grey level of the row that tells the class
  ImageSourceInfo info_;
  std::array<ImageTable, 2> tables_;  // train, test
};

const RegisterImageSource<TinyImages> kRegistered{"tiny_images", "made up", "for tests"};

}  // namespace
}  // namespace cl::testing
