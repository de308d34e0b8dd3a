#include "streams/sources/tensors/tensor_file.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/data/content_digest.h"
#include "core/io/hdf5_rows.h"
#include "core/weights/safetensors.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

/// Held in memory.
class SafetensorsTensors final : public TensorFile {
 public:
  explicit SafetensorsTensors(const fs::path& file)
      : TensorFile(file), file_(file.string()), tensors_(read_safetensors(file).tensors) {}

  [[nodiscard]] bool contains(const std::string& name) const override {
    return find(tensors_, name) != nullptr;
  }
  [[nodiscard]] LabelTensor labels(const std::string& name) override {
    const Tensor& tensor = at(name);
    if (!at::isIntegralType(tensor.scalar_type(), false)) fail(name, "integers");
    const Tensor values = tensor.to(at::kLong).contiguous();
    const int64_t* begin = values.data_ptr<int64_t>();
    return {tensor.sizes().vec(), std::vector<int64_t>(begin, begin + values.numel())};
  }
  [[nodiscard]] ByteTensor bytes(const std::string& name) override {
    const Tensor& tensor = at(name);
    if (tensor.scalar_type() != at::kByte || tensor.dim() == 0) fail(name, "unsigned bytes");
    return {tensor.sizes().vec(), [tensor](int64_t row, std::span<uint8_t> out) {
              const auto offset = static_cast<size_t>(row) * out.size();
              std::copy_n(tensor.data_ptr<uint8_t>() + offset, out.size(), out.begin());
            }};
  }

 private:
  [[nodiscard]] const Tensor& at(const std::string& name) const {
    const Tensor* tensor = find(tensors_, name);
    if (tensor == nullptr) throw Error(fmt::format("{}: no tensor '{}'", file_, name));
    return *tensor;
  }
  [[noreturn]] void fail(const std::string& name, std::string_view expected) const {
    throw Error(
        fmt::format("{}: tensor '{}': expected {}, found another type", file_, name, expected));
  }

  std::string file_;
  State tensors_;
};

/// Read from disk row by row.
class Hdf5Tensors final : public TensorFile {
 public:
  explicit Hdf5Tensors(fs::path file) : TensorFile(file), file_(std::move(file)) {}

  [[nodiscard]] bool contains(const std::string& name) const override {
    return hdf5::has_member(file_, name);
  }
  [[nodiscard]] LabelTensor labels(const std::string& name) override {
    hdf5::Column column = hdf5::read_column(file_, name);
    for (const fs::path& other : column.other_files) watch(other);
    // Read again under the digest that was taken now.
    if (!column.other_files.empty()) column = hdf5::read_column(file_, name);
    return {std::move(column.shape), std::move(column.values)};
  }
  [[nodiscard]] ByteTensor bytes(const std::string& name) override {
    auto rows = std::make_shared<const hdf5::ByteRows>(file_, name);
    for (const auto& [other, others_rows] : read_) {
      if (!rows->is_same(*others_rows)) continue;
      throw Error(fmt::format("{}: {} and {} are the same dataset; one cannot train and test",
                              file_.string(), other, name));
    }
    read_.emplace(name, rows);
    for (const fs::path& other : rows->other_files()) watch(other);
    return {rows->shape(), [this, rows](int64_t row, std::span<uint8_t> out) {
              rows->read(row, out);
              require_unchanged();
            }};
  }

 private:
  fs::path file_;
  std::map<std::string, std::shared_ptr<const hdf5::ByteRows>> read_;
};

}  // namespace

std::string TensorFile::digest() const {
  if (order_.size() == 1) return watched_.at(order_[0]).digest();
  ContentDigest digest;
  for (const fs::path& file : order_) digest.add(watched_.at(file).digest());
  return digest.hex();
}

void TensorFile::require_unchanged() const {
  for (const auto& [path, file] : watched_) file.require_unchanged();
}

void TensorFile::watch(const fs::path& file) {
  if (watched_.try_emplace(file, file).second) order_.push_back(file);
}

std::unique_ptr<TensorFile> open_tensor_file(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) {
    throw Error(
        fmt::format("{}: no such file; expected tensors train_x, train_y, test_x and "
                    "test_y in a .safetensors or .h5 file",
                    file.string()));
  }
  const std::string ending = file.extension().string();
  if (ending == ".safetensors") return std::make_unique<SafetensorsTensors>(file);
  if (ending == ".h5" || ending == ".hdf5") return std::make_unique<Hdf5Tensors>(file);
  throw Error(fmt::format("{}: expected the ending .safetensors, .h5 or .hdf5, found '{}'",
                          file.string(), ending));
}

}  // namespace cl
