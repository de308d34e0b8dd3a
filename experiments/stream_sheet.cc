#include "experiments/stream_sheet.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
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
  ShownImages(const Stream& stream, const config::Node& choice, const Experience& experience)
      : data_(experience.train) {
    if (stream.plan() == nullptr) return;
    const auto whole = config::Node::parse(Streams::get().write(choice, 0), "built in");
    auto options = config::read<ImageTransform::Options>(
        config::choice(whole).options.at_or_null("transform"));
    options.normalise = "none";
    const ExperiencePlan& plan = stream.plan()->experiences[static_cast<size_t>(experience.index)];
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

/// At most `most` of `size` places, each in the middle of an equal part: the ends of a list are
/// often unlike the rest.
Numbers middles(int64_t size, int64_t most) {
  Numbers result;
  const int64_t count = std::min(size, most);
  for (int64_t i = 0; i < count; ++i) result.push_back((2 * i + 1) * size / (2 * count));
  return result;
}

/// What all rows of a sheet have in common.
struct Columns {
  Numbers classes;     // one a column; empty: each experience shows its own from the left on
  int64_t images = 1;  // of a class
};

/// Classes that come back keep a column of their own where there is room for all of them.
Columns make_columns(const Stream& stream, const Numbers& experiences, const SheetLimits& limits) {
  std::set<int64_t> distinct;
  size_t places = 0, most = 1;
  for (const int64_t k : experiences) {
    const Numbers classes = stream.experience(k).classes;
    distinct.insert(classes.begin(), classes.end());
    places += classes.size();
    most = std::max(most, classes.size());
  }
  Columns result;
  const bool return_later = places > distinct.size();
  if (return_later && static_cast<int64_t>(distinct.size()) <= limits.classes) {
    result.classes.assign(distinct.begin(), distinct.end());
    most = distinct.size();
  }
  const auto side_by_side = std::min(static_cast<int64_t>(most), limits.classes);
  result.images = limits.images > 0
                      ? limits.images
                      : std::clamp(kImagesALine / side_by_side, kFewestImages, kMostImages);
  return result;
}

SheetGroup make_group(const StreamInfo& info, int64_t label, const ShownImages& images,
                      const Numbers& rows, int64_t most) {
  Numbers shown;
  for (const int64_t i : middles(static_cast<int64_t>(rows.size()), most)) {
    shown.push_back(rows[static_cast<size_t>(i)]);
  }
  const auto id = static_cast<size_t>(label);
  const bool named = id < info.class_names.size() && !info.class_names[id].empty();
  return {.name = named ? info.class_names[id] : fmt::format("class {}", label),
          .note = grouped(static_cast<int64_t>(rows.size())),
          .pictures = images.pictures(shown)};
}

SheetRow make_row(const Stream& stream, const config::Node& choice, int64_t k,
                  const Columns& columns, int64_t most_classes) {
  const Experience experience = stream.experience(k);
  const ShownImages images(stream, choice, experience);
  const auto rows = images.rows_by_label();
  SheetRow result;
  result.title = fmt::format("{}  {}", k, experience.name);
  result.details = fmt::format("train {}   test {}   {}", grouped(experience.train->size()),
                               grouped(experience.test->size()), facts_text(experience.facts));
  const auto add = [&](int64_t label) {
    const auto found = rows.find(label);
    result.groups.push_back(make_group(stream.info(), label, images,
                                       found == rows.end() ? Numbers{} : found->second,
                                       columns.images));
  };
  const Numbers& classes = experience.classes;
  for (const int64_t label : columns.classes) {
    if (std::binary_search(classes.begin(), classes.end(), label)) {
      add(label);
    } else {
      result.groups.push_back({});
    }
  }
  if (!columns.classes.empty()) return result;
  const auto num_classes = static_cast<int64_t>(classes.size());
  for (const int64_t i : spread(num_classes, most_classes)) add(classes[static_cast<size_t>(i)]);
  if (num_classes > most_classes) {
    result.remark = "and " + counted(num_classes - most_classes, "more class", "more classes");
  }
  return result;
}

/// "source fashion_mnist".
std::string sources_text(const StreamPlan& plan) {
  std::vector<std::string> names;
  for (const config::Node& source : plan.choices) names.push_back(config::choice(source).name);
  return fmt::format("source {}", fmt::join(names, ", "));
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
  const Columns columns = make_columns(stream, experiences, limits);
  ContactSheet sheet;
  sheet.title = title;
  sheet.lines.push_back(
      fmt::format("scenario {}: {} experiences, {} classes, images of {} x {} pixels; training "
                  "images, with their number in each class",
                  name(info.scenario), info.num_experiences, info.num_classes, info.sample_shape[2],
                  info.sample_shape[1]));
  if (stream.plan() != nullptr) sheet.lines.push_back(sources_text(*stream.plan()));
  for (const int64_t k : experiences) {
    sheet.rows.push_back(make_row(stream, choice, k, columns, limits.classes));
  }
  const auto left_out = info.num_experiences - static_cast<int64_t>(experiences.size());
  if (left_out > 0) {
    sheet.remark = fmt::format("and {} between those shown",
                               counted(left_out, "more experience", "more experiences"));
  }
  return sheet;
}

}  // namespace cl::experiments
