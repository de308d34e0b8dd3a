#include "experiments/stream_sheet.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <opencv2/core.hpp>

#include "core/base/error.h"
#include "core/config/read.h"
#include "core/data/image_transform.h"
#include "core/stream/image_dataset.h"
#include "core/stream/stream_plan.h"
#include "experiments/stream_summary.h"

namespace cl::experiments {
namespace {

constexpr int64_t kImagesALine = 20;  // what fits beside each other, over all classes
constexpr int64_t kMostImages = 8, kFewestImages = 2;  // of a class, where nothing else is asked

using Numbers = std::vector<int64_t>;

/// At most `most` of `size` places, the first and the last among them, evenly spread.
Numbers spread(int64_t size, int64_t most) {
  Numbers result;
  const int64_t count = std::min(size, most);
  for (int64_t i = 0; i < count; ++i) {
    result.push_back(count == 1 ? 0 : i * (size - 1) / (count - 1));
  }
  return result;
}

/// x [3, H, W] in [0, 1] as 8 bits, RGB [H, W, 3].
cv::Mat picture(const Tensor& x) {
  const Tensor whole = x.contiguous();
  const auto height = static_cast<int>(x.size(1)), width = static_cast<int>(x.size(2));
  auto* values = whole.data_ptr<float>();
  std::vector<cv::Mat> channels;
  for (int64_t c = 0; c < x.size(0); ++c) {
    channels.emplace_back(height, width, CV_32F, values + c * height * width);
  }
  cv::Mat joined, result;
  cv::merge(channels, joined);
  joined.convertTo(result, CV_8U, 255);  // rounds, and cuts what lies outside
  return result;
}

/// The training images of an experience, as they are shown.
class ShownImages {
 public:
  ShownImages(const Stream& stream, const config::Node& choice, int64_t k)
      : data_(stream.experience(k).train) {
    if (stream.plan() == nullptr) return;
    const auto whole = config::Node::parse(Streams::get().write(choice, 0), "built in");
    auto options = config::read<ImageTransform::Options>(
        config::choice(whole).options.at_or_null("transform"));
    options.normalise = "none";
    const ExperiencePlan& plan = stream.plan()->experiences[static_cast<size_t>(k)];
    data_ = std::make_shared<ImageDataset>(stream.plan()->sources.at(plan.source), plan.train,
                                           plan.shift, ImageTransform(options));
  }

  [[nodiscard]] std::map<int64_t, Numbers> rows_by_label() const {
    std::map<int64_t, Numbers> result;
    const Tensor labels = data_->labels().contiguous();
    const auto* label = labels.data_ptr<int64_t>();
    for (int64_t row = 0; row < labels.numel(); ++row) result[label[row]].push_back(row);
    return result;
  }

  [[nodiscard]] std::vector<cv::Mat> pictures(const Numbers& rows) const {
    std::vector<cv::Mat> result;
    if (rows.empty()) return result;
    const Tensor x = data_->fetch(rows, View::test());
    for (int64_t i = 0; i < x.size(0); ++i) result.push_back(picture(x[i]));
    return result;
  }

 private:
  DatasetPtr data_;
};

SheetRow make_row(const Stream& stream, const config::Node& choice, int64_t k,
                  const SheetLimits& limits) {
  const StreamInfo& info = stream.info();
  const Experience experience = stream.experience(k);
  const ShownImages images(stream, choice, k);
  const auto rows = images.rows_by_label();
  const auto num_classes = static_cast<int64_t>(experience.classes.size());
  SheetRow result;
  result.title = fmt::format("{}  {}", k, experience.name);
  result.details = fmt::format("train {}   test {}   {}", grouped(experience.train->size()),
                               grouped(experience.test->size()), facts_text(experience.facts));
  for (const int64_t place : spread(num_classes, limits.classes)) {
    const int64_t label = experience.classes[static_cast<size_t>(place)];
    const auto found = rows.find(label);
    const Numbers of_class = found == rows.end() ? Numbers{} : found->second;
    Numbers shown;
    for (const int64_t i : spread(static_cast<int64_t>(of_class.size()), limits.images)) {
      shown.push_back(of_class[static_cast<size_t>(i)]);
    }
    const auto id = static_cast<size_t>(label);
    result.groups.push_back(
        {id < info.class_names.size() ? info.class_names[id] : fmt::format("class {}", label),
         grouped(static_cast<int64_t>(of_class.size())), images.pictures(shown)});
  }
  const auto left_out = num_classes - static_cast<int64_t>(result.groups.size());
  if (left_out > 0) result.remark = "and " + counted(left_out, "more class", "more classes");
  return result;
}

/// As many images a class as fit beside each other in the experience with most classes.
int64_t images_a_class(const Stream& stream, const Numbers& experiences,
                       const SheetLimits& limits) {
  int64_t most = 1;
  for (const int64_t k : experiences) {
    most = std::max(most, static_cast<int64_t>(stream.experience(k).classes.size()));
  }
  return std::clamp(kImagesALine / std::min(most, limits.classes), kFewestImages, kMostImages);
}

}  // namespace

ContactSheet make_sheet(const Stream& stream, const config::Node& choice, const std::string& title,
                        const SheetLimits& limits) {
  const StreamInfo& info = stream.info();
  if (info.sample_shape.size() != 3 || info.sample_shape[0] != 3) {
    throw Error(fmt::format("a sheet shows images [3, H, W], but the samples of '{}' are [{}]",
                            info.name, fmt::join(info.sample_shape, ", ")));
  }
  const Numbers experiences = spread(info.num_experiences, limits.experiences);
  SheetLimits own = limits;
  if (own.images == 0) own.images = images_a_class(stream, experiences, limits);
  ContactSheet sheet;
  sheet.title = title;
  sheet.lines.push_back(
      fmt::format("scenario {}: {} experiences, {} classes, images of {} x {} pixels; training "
                  "images, with their number in each class",
                  name(info.scenario), info.num_experiences, info.num_classes, info.sample_shape[2],
                  info.sample_shape[1]));
  for (const int64_t k : experiences) sheet.rows.push_back(make_row(stream, choice, k, own));
  const auto left_out = info.num_experiences - static_cast<int64_t>(experiences.size());
  if (left_out > 0) {
    sheet.remark = fmt::format("and {} between those shown",
                               counted(left_out, "more experience", "more experiences"));
  }
  return sheet;
}

}  // namespace cl::experiments
