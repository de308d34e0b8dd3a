#include "core/data/cifar.h"

#include <array>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <opencv2/core.hpp>

#include "core/base/check.h"
#include "core/base/error.h"

namespace cl {
namespace {

constexpr int kSide = 32;
constexpr size_t kPlaneBytes = size_t{kSide} * kSide;
constexpr size_t kImageBytes = 3 * kPlaneBytes;

[[noreturn]] void bad_cifar(const std::filesystem::path& file, std::string_view problem) {
  throw Error(fmt::format("{}: {}", file.string(), problem));
}

std::ifstream open_records(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) bad_cifar(file, "no such file");
  std::ifstream in(file, std::ios::binary);
  if (!in) bad_cifar(file, "cannot be opened");
  return in;
}

}  // namespace

CifarRecords::CifarRecords(std::vector<int64_t> num_labels) : num_labels_(std::move(num_labels)) {}

void CifarRecords::add_file(const std::filesystem::path& file) {
  std::ifstream in = open_records(file);
  const size_t record_bytes = num_labels_.size() + kImageBytes;
  const size_t begin = bytes_.size();
  std::array<char, size_t{1} << 16> chunk{};
  while (in.read(chunk.data(), chunk.size()), in.gcount() > 0) {
    bytes_.insert(bytes_.end(), chunk.data(), chunk.data() + in.gcount());
  }
  if (in.bad()) bad_cifar(file, "cannot be read");
  const size_t found = bytes_.size() - begin;
  if (found == 0 || found % record_bytes != 0) {
    bad_cifar(file,
              fmt::format("expected records of {} bytes ({} of labels, {} of pixels), found {} "
                          "bytes, which is no whole number of them; is it the binary version of "
                          "this data set, and complete?",
                          record_bytes, num_labels_.size(), kImageBytes, found));
  }
  for (auto i = static_cast<int64_t>(begin / record_bytes); i < size(); ++i) {
    for (size_t which = 0; which < num_labels_.size(); ++which) {
      const int64_t value = label(i, static_cast<int64_t>(which));
      if (value < num_labels_[which]) continue;
      bad_cifar(file,
                fmt::format("label {} (byte {}) of record {} is out of range; expected 0 to {}",
                            value, which, i - static_cast<int64_t>(begin / record_bytes),
                            num_labels_[which] - 1));
    }
  }
}

int64_t CifarRecords::size() const {
  return static_cast<int64_t>(bytes_.size() / (num_labels_.size() + kImageBytes));
}

int64_t CifarRecords::label(int64_t index, int64_t which) const {
  return record(index)[static_cast<size_t>(which)];
}

cv::Mat CifarRecords::image(int64_t index) const {
  const auto pixels = record(index).subspan(num_labels_.size());
  std::vector<cv::Mat> planes;
  for (size_t channel = 0; channel < 3; ++channel) {
    // cv::Mat has no read-only form; only copies of it are given away.
    planes.emplace_back(kSide, kSide, CV_8UC1,
                        const_cast<uint8_t*>(pixels.data() + channel * kPlaneBytes));
  }
  cv::Mat result;
  cv::merge(planes, result);
  return result;
}

std::span<const uint8_t> CifarRecords::record(int64_t index) const {
  CL_CHECK(index >= 0 && index < size(), "record {} of {}", index, size());
  const size_t record_bytes = num_labels_.size() + kImageBytes;
  return std::span(bytes_).subspan(static_cast<size_t>(index) * record_bytes, record_bytes);
}

std::vector<std::string> read_cifar_names(const std::filesystem::path& file, int64_t expected) {
  std::ifstream in = open_records(file);
  std::vector<std::string> names;
  for (std::string line; std::getline(in, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  if (static_cast<int64_t>(names.size()) != expected) {
    bad_cifar(file, fmt::format("expected {} lines with the names of the classes, found {}",
                                expected, names.size()));
  }
  return names;
}

}  // namespace cl
