// Files of named tensors, safetensors or HDF5, with images and what labels them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/data/digested_file.h"

namespace cl {

/// Unsigned bytes [n, ...], wherever they lie.
struct ByteTensor {
  std::vector<int64_t> shape;
  std::function<void(int64_t row, std::span<uint8_t> out)> read_row;  // called by several threads
  bool is_on_disk = false;                                            // and read anew each time
};

/// One label for each of n images, number or text.
struct LabelTensor {
  std::vector<int64_t> shape;
  std::variant<std::vector<int64_t>, std::vector<std::string>> values;
};

/// A file of named tensors: one class a format. It is digested before anything of it is read; a row
/// that is read from disk later is let through only if the file is what it was.
class TensorFile {
 public:
  explicit TensorFile(const std::filesystem::path& file) { watch(file); }
  virtual ~TensorFile() = default;
  TensorFile(const TensorFile&) = delete;
  TensorFile& operator=(const TensorFile&) = delete;

  [[nodiscard]] virtual bool contains(const std::string& name) const = 0;
  /// @throws Error naming file and tensor for one that is missing or of another type
  [[nodiscard]] virtual LabelTensor labels(const std::string& name) = 0;
  /// To be read while this object lives.
  [[nodiscard]] virtual ByteTensor bytes(const std::string& name) = 0;

  /// Of the file, and of the others in which it keeps tensors that were asked for, if there are
  /// any.
  [[nodiscard]] std::string digest() const;
  /// @throws Error naming one of these files that is not what it was
  void require_unchanged() const;

 protected:
  /// Digests a file, if it is not known already.
  void watch(const std::filesystem::path& file);

 private:
  std::map<std::filesystem::path, WatchedFile> watched_;
  std::vector<std::filesystem::path> order_;  // in which they came, the file itself first
};

/// @throws Error naming a file that is missing or damaged, or has neither .safetensors nor .h5 at
/// the
///         end of its name
[[nodiscard]] std::unique_ptr<TensorFile> open_tensor_file(const std::filesystem::path& file);

}  // namespace cl
