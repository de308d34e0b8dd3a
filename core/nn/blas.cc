#include "core/nn/blas.h"

#include <cstdlib>

#include <dlfcn.h>

namespace cl {
namespace {

constexpr const char* kChoice = "OPENBLAS_CORETYPE";

/// A function of OpenBLAS, or null: which BLAS is loaded is known at run time only.
template <class Function>
Function* loaded(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

bool has_avx512() {
#ifdef __x86_64__
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

}  // namespace

void choose_blas_kernels() {
  const std::string chosen = blas_kernels();
  if ((chosen != "Haswell" && chosen != "Zen") || !has_avx512()) return;
  // OpenBLAS reads its environment when it is loaded, before main(); these two make it read again.
  auto* const forget = loaded<void()>("gotoblas_dynamic_quit");
  auto* const choose = loaded<void()>("gotoblas_dynamic_init");
  if (forget == nullptr || choose == nullptr) return;
  if (setenv(kChoice, "SkylakeX", /*overwrite=*/0) != 0) return;
  forget();
  choose();
}

std::string blas_kernels() {
  auto* const name = loaded<char*()>("openblas_get_corename");
  return name == nullptr ? "" : name();
}

}  // namespace cl
