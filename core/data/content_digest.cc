#include "core/data/content_digest.h"

#include <array>
#include <fstream>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "core/base/check.h"
#include "core/base/error.h"

namespace cl {
namespace {

constexpr size_t kChunkBytes = size_t{1} << 18;
constexpr size_t kDigestBytes = 8;

}  // namespace

struct ContentDigest::Context {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> value{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

ContentDigest::ContentDigest() : context_(std::make_unique<Context>()) {
  CL_CHECK(context_->value && EVP_DigestInit_ex(context_->value.get(), EVP_sha256(), nullptr) == 1);
}

ContentDigest::~ContentDigest() = default;

void ContentDigest::update(const void* data, size_t size) {
  CL_CHECK(EVP_DigestUpdate(context_->value.get(), data, size) == 1);
}

void ContentDigest::add(std::span<const std::byte> bytes) {
  const auto size = static_cast<uint64_t>(bytes.size());
  update(&size, sizeof(size));
  update(bytes.data(), bytes.size());
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
  std::ifstream in(file, std::ios::binary);
  if (error || !in) throw Error(fmt::format("{}: cannot be read", file.string()));
  update(&expected, sizeof(expected));
  std::vector<char> chunk(kChunkBytes);
  uint64_t found = 0;
  while (in) {
    in.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    const auto count = static_cast<size_t>(in.gcount());
    update(chunk.data(), count);
    found += count;
  }
  if (!in.eof() || found != expected) {
    throw Error(fmt::format("{}: expected {} bytes, read {}; is it being written?", file.string(),
                            expected, found));
  }
}

std::string ContentDigest::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned int size = 0;
  CL_CHECK(EVP_DigestFinal_ex(context_->value.get(), hash.data(), &size) == 1 &&
           size >= kDigestBytes);
  std::string result;
  for (size_t i = 0; i < kDigestBytes; ++i) result += fmt::format("{:02x}", hash[i]);
  return result;
}

}  // namespace cl
