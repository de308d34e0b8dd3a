#include "core/base/sha256.h"

#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "core/base/check.h"

namespace cl {
namespace {

constexpr size_t kDigestBytes = 8;

}  // namespace

struct Sha256::Context {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> value{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  CL_CHECK(context_->value && EVP_DigestInit_ex(context_->value.get(), EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() = default;

void Sha256::add(const void* bytes, size_t size) {
  CL_CHECK(EVP_DigestUpdate(context_->value.get(), bytes, size) == 1);
}

std::string Sha256::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned int size = 0;
  CL_CHECK(EVP_DigestFinal_ex(context_->value.get(), hash.data(), &size) == 1 &&
           size >= kDigestBytes);
  std::string result;
  for (size_t i = 0; i < kDigestBytes; ++i) result += fmt::format("{:02x}", hash[i]);
  return result;
}

}  // namespace cl
