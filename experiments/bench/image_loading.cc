// How many images a second one core makes ready for a backbone, beside plain OpenCV on the same
// files: cv::imread, cv::resize, and the conversion to floating point.
//
// Each pair differs in who does it ("ours" or "plain"), nothing else. Plain OpenCV resizes without
// antialiasing, so it does less.
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <oneapi/tbb/global_control.h>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "core/base/error.h"
#include "core/base/rng.h"
#include "core/base/scratch_folder.h"
#include "core/stream/image_dataset.h"
#include "core/stream/image_source.h"
#include "experiments/bench/benchmarks.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kImages = 64;  // a batch

/// A photograph's worth of detail at several scales.
cv::Mat picture(uint64_t seed, cv::Size size) {
  std::mt19937_64 engine = RngKey(seed).engine();
  cv::Mat sum = cv::Mat::zeros(size, CV_32FC3);
  for (int cells = 4; cells <= 256; cells *= 4) {
    cv::Mat noise(cells, cells, CV_32FC3), scaled;
    for (auto pixel = noise.begin<cv::Vec3f>(); pixel != noise.end<cv::Vec3f>(); ++pixel) {
      for (int channel = 0; channel < 3; ++channel) {
        (*pixel)[channel] = static_cast<float>(uniform(engine));
      }
    }
    cv::resize(noise, scaled, size, 0, 0, cv::INTER_CUBIC);
    sum += scaled * (255.0 / cells);
  }
  cv::Mat result;
  sum.convertTo(result, CV_8UC3);
  return result;
}

/// A folder of JPEG files that goes when the program ends.
class JpegFolder {
 public:
  JpegFolder() {
    for (const char* split : {"train", "test"}) {
      const fs::path folder = root() / split / "noise";
      fs::create_directories(folder);
      for (int64_t i = 0; i < kImages; ++i) {
        files_.push_back(folder / fmt::format("{:03}.jpg", i));
        cv::imwrite(files_.back().string(), picture(static_cast<uint64_t>(i), {500, 375}));
      }
    }
    files_.resize(kImages);
  }
  [[nodiscard]] const fs::path& root() const { return folder_.path(); }
  [[nodiscard]] const std::vector<fs::path>& files() const { return files_; }

 private:
  ScratchFolder folder_{"clsim-bench"};
  std::vector<fs::path> files_;  // of the training split
};

const JpegFolder& jpegs() {
  static const JpegFolder folder;
  return folder;
}

ImageTransform::Options backbone_input() {
  ImageTransform::Options options;
  options.image_size = 224;
  options.resize = 256;
  return options;
}

/// The first images of a source through `transform`, on one core.
void ours(benchmark::State& state, const std::string& choice, const fs::path& root,
          const ImageTransform::Options& transform, const View& view) {
  const tbb::global_control one(tbb::global_control::max_allowed_parallelism, 1);
  std::shared_ptr<const ImageSource> source;
  try {
    source = ImageSources::get().make(config::Node::parse(choice, "bench"), {root});
  } catch (const Error& error) {
    state.SkipWithError(error.what());
    return;
  }
  ImageSelection images;
  images.rows.resize(kImages);
  std::iota(images.rows.begin(), images.rows.end(), 0);
  images.labels.assign(kImages, 0);
  const std::vector<int64_t> rows = images.rows;
  const ImageDataset data(source, std::move(images), {}, ImageTransform(transform));
  for (auto _ : state) {
    const Tensor x = data.fetch(rows, view);
    benchmark::DoNotOptimize(x.data_ptr<float>());
  }
  state.SetItemsProcessed(state.iterations() * kImages);
}

/// [0, 1] planes, as a backbone takes them.
void to_planes(const cv::Mat& image, std::vector<cv::Mat>& planes) {
  cv::Mat scaled;
  image.convertTo(scaled, CV_32FC3, 1 / 255.0);
  cv::split(scaled, planes);
}

/// Registers `ours`.
void add(const std::string& name, const std::string& choice, const fs::path& root,
         const ImageTransform::Options& transform, const View& view = View::test()) {
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
    ours(state, choice, root, transform, view);
  })->Unit(benchmark::kMillisecond);
}

void plain_jpegs(benchmark::State& state) {
  std::vector<cv::Mat> planes;
  for (auto _ : state) {
    for (const fs::path& file : jpegs().files()) {
      const cv::Mat image = cv::imread(file.string());
      cv::Mat rgb, resized;
      cv::cvtColor(image, rgb, cv::COLOR_BGR2RGB);
      cv::resize(rgb, resized, {341, 256}, 0, 0, cv::INTER_CUBIC);
      to_planes(resized({58, 16, 224, 224}), planes);
      benchmark::DoNotOptimize(planes.front().data);
    }
  }
  state.SetItemsProcessed(state.iterations() * kImages);
}

/// Images of 28 x 28 grey levels that are in memory already, as an IDX file's are.
void plain_grey(benchmark::State& state) {
  std::vector<cv::Mat> grey, planes;
  for (int64_t i = 0; i < kImages; ++i) {
    cv::Mat one;
    cv::cvtColor(picture(static_cast<uint64_t>(i), {28, 28}), one, cv::COLOR_BGR2GRAY);
    grey.push_back(one);
  }
  for (auto _ : state) {
    for (const cv::Mat& image : grey) {
      cv::Mat rgb, resized;
      cv::cvtColor(image, rgb, cv::COLOR_GRAY2RGB);
      cv::resize(rgb, resized, {32, 32}, 0, 0, cv::INTER_CUBIC);
      to_planes(resized, planes);
      benchmark::DoNotOptimize(planes.front().data);
    }
  }
  state.SetItemsProcessed(state.iterations() * kImages);
}

}  // namespace

void add_image_loading() {
  cv::setNumThreads(1);
  ImageTransform::Options large = backbone_input(), augmented = large, small;
  augmented.augment = "crop_flip";
  const std::string folder =
      fmt::format("{{image_folder: {{folder: {}}}}}", jpegs().root().string());
  benchmark::RegisterBenchmark("jpeg_folder/plain", plain_jpegs)->Unit(benchmark::kMillisecond);
  add("jpeg_folder/ours", folder, {}, large);
  add("jpeg_folder/ours_augmented", folder, {}, augmented, View::train(RngKey(1)));
  benchmark::RegisterBenchmark("idx/plain", plain_grey)->Unit(benchmark::kMillisecond);
  add("idx/ours", "fashion_mnist", {}, small);
  add("letters/ours", "letters", {}, small);
}

}  // namespace cl
