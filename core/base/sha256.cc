#include "core/base/sha256.h"

#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "core/base/check.h"

namespace cl {

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

std::string Sha256::hex(size_t num_digits) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned int size = 0;
  CL_CHECK(EVP_DigestFinal_ex(context_->value.get(), hash.data(), &size) == 1 &&
           2 * size >= num_digits);
  std::string result;
  for (size_t i = 0; 2 * i < num_digits; ++i) result += fmt::format("{:02x}", hash[i]);
  return result;
}

}  // namespace cl
