#include "core/data/content_digest.h"

#include <fstream>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "core/base/error.h"

namespace cl {
namespace {

constexpr size_t kReadBytes = size_t{1} << 18;

}  // namespace

void ContentDigest::add(std::span<const std::byte> bytes) {
  const auto size = static_cast<uint64_t>(bytes.size());
  hash_.add(&size, sizeof(size));
  hash_.add(bytes.data(), bytes.size());
}

void ContentDigest::add(std::string_view text) {
  add(std::as_bytes(std::span(text)));
}

void ContentDigest::add(std::span<const int64_t> numbers) {
  add(std::as_bytes(numbers));
}

void ContentDigest::add_file(const std::filesystem::path& file) {
  std::error_code error;
  const auto expected = static_cast<uint64_t>(std::filesystem::file_size(file, error));
  std::ifstream in;
  if (!error) in.open(file, std::ios::binary);  // a pipe has no size, and opening it would wait
  if (!in.is_open()) throw Error(fmt::format("{}: cannot be read", file.string()));
  hash_.add(&expected, sizeof(expected));
  std::vector<char> chunk(kReadBytes);
  uint64_t found = 0;
  while (in) {
    in.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    const auto count = static_cast<size_t>(in.gcount());
    hash_.add(chunk.data(), count);
    found += count;
  }
  if (!in.eof() || found != expected) {
    throw Error(fmt::format("{}: expected {} bytes, read {}; is it being written?", file.string(),
                            expected, found));
  }
}

}  // namespace cl
