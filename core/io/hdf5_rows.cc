#include "core/io/hdf5_rows.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <hdf5.h>

#include "core/base/allocator.h"
#include "core/base/check.h"
#include "core/io/hdf5_dataset.h"
#include "core/io/hdf5_handle.h"

namespace cl::hdf5 {
namespace {

constexpr size_t kMostBlockBytes = size_t{64} << 20;  // kept of one dataset
constexpr double kMostExpansion = 1100;               // deflate cannot shrink by more than 1032
constexpr double kLargestWhole = 9007199254740992;    // 2^53: from here on doubles leave out some

/// Texts of variable length as HDF5 allocates them.
class LongTexts {
 public:
  LongTexts(hid_t type, hid_t space, size_t count)
      : type_(type), space_(space), texts_(count, nullptr) {}
  ~LongTexts() { H5Dvlen_reclaim(type_, space_, H5P_DEFAULT, static_cast<void*>(texts_.data())); }
  LongTexts(const LongTexts&) = delete;
  LongTexts& operator=(const LongTexts&) = delete;

  [[nodiscard]] std::vector<char*>& texts() { return texts_; }

 private:
  hid_t type_, space_;
  std::vector<char*> texts_;
};

std::vector<std::string> long_texts(const OpenDataset& dataset, const Handle& type, size_t count) {
  const Handle space(H5Dget_space(dataset.id()), H5Sclose);
  LongTexts read(type.id(), space.id(), count);
  if (H5Dread(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT,
              static_cast<void*>(read.texts().data())) < 0) {
    dataset.fail("cannot be read: " + last_problem());
  }
  std::vector<std::string> result;
  for (const char* text : read.texts()) {
    if (text == nullptr) {
      dataset.fail(fmt::format("row {} was never written: it holds no text", result.size()));
    }
    result.emplace_back(text);
  }
  return result;
}

std::vector<std::string> fixed_texts(const OpenDataset& dataset, const Handle& type, size_t count) {
  const size_t length = H5Tget_size(type.id());
  std::string bytes(count * length, '\0');
  if (H5Dread(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) < 0) {
    dataset.fail("cannot be read: " + last_problem());
  }
  const bool by_spaces = H5Tget_strpad(type.id()) == H5T_STR_SPACEPAD;
  std::vector<std::string> result;
  for (size_t i = 0; i < count; ++i) {
    std::string_view text(&bytes[i * length], length);
    text = text.substr(0, text.find('\0'));
    if (by_spaces) text = text.substr(0, text.find_last_not_of(' ') + 1);
    result.emplace_back(text);
  }
  return result;
}

std::vector<int64_t> whole_numbers(const OpenDataset& dataset, size_t count) {
  std::vector<double> numbers(count);
  if (H5Dread(dataset.id(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()) < 0) {
    dataset.fail("cannot be read: " + last_problem());
  }
  std::vector<int64_t> result;
  for (const double number : numbers) {
    if (std::trunc(number) != number || std::abs(number) >= kLargestWhole) {
      dataset.fail(
          fmt::format("expected whole numbers, found {} in row {}", number, result.size()));
    }
    result.push_back(static_cast<int64_t>(number));
  }
  return result;
}

std::vector<int64_t> integers(const OpenDataset& dataset, size_t count) {
  std::vector<int64_t> result(count);
  if (H5Dread(dataset.id(), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, result.data()) < 0) {
    dataset.fail("cannot be read: " + last_problem());
  }
  return result;
}

void require_no_missing(const OpenDataset& dataset, const std::vector<int64_t>& numbers) {
  const std::vector<double> missing = dataset.missing_values();
  for (size_t i = 0; i < numbers.size() && !missing.empty(); ++i) {
    const auto number = static_cast<double>(numbers[i]);
    if (std::find(missing.begin(), missing.end(), number) == missing.end()) continue;
    dataset.fail(
        fmt::format("row {} is {}, which by the attribute _FillValue or missing_value "
                    "stands for no value",
                    i, numbers[i]));
  }
}

}  // namespace

/// The blocks that were unpacked last.
class RecentBlocks {
 public:
  explicit RecentBlocks(int64_t rows) : rows_(rows) {}

  [[nodiscard]] int64_t rows() const { return rows_; }

  /// Copies bytes of a block, which `load` fills if it is not here. One thread at a time.
  template <class Load>
  void read(int64_t block, size_t block_bytes, size_t offset, std::span<uint8_t> out,
            const Load& load) {
    const std::lock_guard lock(mutex_);
    auto found = blocks_.find(block);
    if (found == blocks_.end()) {
      std::vector<uint8_t> bytes = make_room(block_bytes);
      bytes.resize(block_bytes);
      load(std::span(bytes));
      used_in_passing(static_cast<int64_t>(block_bytes));  // by HDF5
      found = blocks_.emplace(block, Block{std::move(bytes), 0}).first;
    }
    found->second.last_use = ++uses_;
    std::copy_n(found->second.bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(),
                out.begin());
  }

 private:
  struct Block {
    std::vector<uint8_t> bytes;
    int64_t last_use = 0;
  };

  /// @return the memory of a block that had to go, if one had to
  std::vector<uint8_t> make_room(size_t block_bytes) {
    std::vector<uint8_t> freed;
    while (!blocks_.empty() && (blocks_.size() + 1) * block_bytes > kMostBlockBytes) {
      const auto oldest = std::min_element(
          blocks_.begin(), blocks_.end(),
          [](const auto& a, const auto& b) { return a.second.last_use < b.second.last_use; });
      freed = std::move(oldest->second.bytes);
      blocks_.erase(oldest);
    }
    return freed;
  }

  int64_t rows_;  // of a block
  std::mutex mutex_;
  std::map<int64_t, Block> blocks_;
  int64_t uses_ = 0;
};

ByteRows::ByteRows(const std::filesystem::path& file, const std::string& dataset)
    : dataset_(std::make_unique<OpenDataset>(file, dataset)) {
  const Quiet quiet;
  dataset_->require_rows();
  hbool_t is_safe = 0;
  if (H5is_library_threadsafe(&is_safe) < 0 || !is_safe) {
    dataset_->fail("rows are read by several threads, for which this HDF5 library is not built");
  }
  const Handle type(H5Dget_type(dataset_->id()), H5Tclose);
  const bool is_bytes = H5Tget_class(type.id()) == H5T_INTEGER && H5Tget_size(type.id()) == 1 &&
                        H5Tget_sign(type.id()) == H5T_SGN_NONE;
  if (!is_bytes) dataset_->fail("expected unsigned integers of 8 bits, found another type");
  const Handle creation(H5Dget_create_plist(dataset_->id()), H5Pclose);
  uint8_t fill = 0;
  if (H5Pget_fill_value(creation.id(), H5T_NATIVE_UINT8, &fill) >= 0) fill_ = fill;
  const auto rows = static_cast<int64_t>(dataset_->storage().rows_per_block);
  if (rows > 1) blocks_ = std::make_unique<RecentBlocks>(rows);
  if (const auto missing = dataset_->missing_values(); !missing.empty()) {
    dataset_->warn(fmt::format(
        "by its attributes, pixels of {} stand for no value; they are taken as they are",
        fmt::join(missing, ", ")));
  }
}

ByteRows::~ByteRows() = default;

const std::vector<int64_t>& ByteRows::shape() const {
  return dataset_->shape();
}

const std::set<std::filesystem::path>& ByteRows::other_files() const {
  return dataset_->storage().files;
}

bool ByteRows::is_same(const ByteRows& other) const {
  const Quiet quiet;
  H5G_stat_t mine, theirs;
  if (H5Gget_objinfo(dataset_->id(), ".", 1, &mine) < 0 ||
      H5Gget_objinfo(other.dataset_->id(), ".", 1, &theirs) < 0) {
    dataset_->fail("cannot be told from others: " + last_problem());
  }
  return std::equal(mine.fileno, mine.fileno + 2, theirs.fileno) &&
         std::equal(mine.objno, mine.objno + 2, theirs.objno);
}

void ByteRows::read(int64_t row, std::span<uint8_t> out) const {
  CL_CHECK(row >= 0 && row < shape()[0], "row {} of {}", row, shape()[0]);
  if (!blocks_) {
    read_rows(row, 1, out);
    return warn_of_fill(row, out);
  }
  const int64_t block = row / blocks_->rows(), first = block * blocks_->rows();
  const int64_t count = std::min(blocks_->rows(), shape()[0] - first);
  blocks_->read(block, static_cast<size_t>(count) * out.size(),
                static_cast<size_t>(row - first) * out.size(), out,
                [&](std::span<uint8_t> bytes) { read_rows(first, count, bytes); });
  warn_of_fill(row, out);
}

void ByteRows::warn_of_fill(int64_t row, std::span<const uint8_t> bytes) const {
  const auto is_written = [this](uint8_t byte) { return byte != *fill_; };
  if (!fill_ || std::any_of(bytes.begin(), bytes.end(), is_written)) return;
  if (warned_.exchange(true)) return;
  dataset_->warn(fmt::format("row {} holds nothing but {}, the fill value; was it ever written?",
                             row, *fill_));
}

void ByteRows::read_rows(int64_t first, int64_t num_rows, std::span<uint8_t> out) const {
  const Quiet quiet;
  std::vector<hsize_t> start(shape().size(), 0), count(shape().begin(), shape().end());
  start[0] = static_cast<hsize_t>(first);
  count[0] = static_cast<hsize_t>(num_rows);
  hsize_t size = 1;
  for (const hsize_t length : count) size *= length;
  CL_CHECK(out.size() == size, "{} bytes for rows of {}", out.size(), size);
  const Handle stored(H5Dget_space(dataset_->id()), H5Sclose);
  H5Sselect_hyperslab(stored.id(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
  // Of the same shape: from one long row HDF5 would go to the chunks element by element.
  const Handle memory(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr),
                      H5Sclose);
  if (H5Dread(dataset_->id(), H5T_NATIVE_UINT8, memory.id(), stored.id(), H5P_DEFAULT, out.data()) <
      0) {
    const std::string rows = num_rows == 1
                                 ? fmt::format("row {}", first)
                                 : fmt::format("rows {} to {}", first, first + num_rows - 1);
    dataset_->fail(fmt::format("{} cannot be read: {}", rows, last_problem()));
  }
}

Column read_column(const std::filesystem::path& file, const std::string& name) {
  const Quiet quiet;
  const OpenDataset dataset(file, name);
  dataset.require_rows();
  const Handle type(H5Dget_type(dataset.id()), H5Tclose);
  double count = 1;
  for (const int64_t size : dataset.shape()) count *= static_cast<double>(size);
  // A header may claim any size: nothing is allocated that the files could not hold.
  double file_bytes = static_cast<double>(std::filesystem::file_size(file));
  for (const auto& other : dataset.storage().files) {
    file_bytes += static_cast<double>(std::filesystem::file_size(other));
  }
  const auto width = static_cast<double>(std::max<size_t>(H5Tget_size(type.id()), 1));
  if (count * width > file_bytes * kMostExpansion) {
    dataset.fail("claims more values than the file can hold");
  }
  const auto size = static_cast<size_t>(count);
  Column result{dataset.shape(), {}, dataset.storage().files};
  switch (H5Tget_class(type.id())) {
    case H5T_INTEGER:
      result.values = integers(dataset, size);
      break;
    case H5T_FLOAT:
      result.values = whole_numbers(dataset, size);
      break;
    case H5T_STRING:
      result.values = H5Tis_variable_str(type.id()) > 0 ? long_texts(dataset, type, size)
                                                        : fixed_texts(dataset, type, size);
      break;
    default:
      dataset.fail("expected whole numbers or texts, found another type");
  }
  if (const auto* numbers = std::get_if<std::vector<int64_t>>(&result.values)) {
    require_no_missing(dataset, *numbers);
  }
  return result;
}

void require_values(const std::filesystem::path& file, const std::string& name) {
  const OpenDataset all_checked(file, name);
}

bool has_member(const std::filesystem::path& file, const std::string& name) {
  const Quiet quiet;
  const Handle opened = open_for_reading(file);
  return H5Lexists(opened.id(), name.c_str(), H5P_DEFAULT) > 0;
}

}  // namespace cl::hdf5
