#include "tests/support/failing_writes.h"

#include <atomic>
#include <cerrno>
#include <vector>

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cl {
namespace {

std::atomic<int64_t> calls_left{-1};  // before the one that goes wrong; negative: none does
std::atomic<WriteFault> kind{WriteFault::kFull};

/// Whether this call is the one.
bool goes_wrong(int descriptor) {
  struct stat status {};
  if (calls_left < 0 || fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return false;
  return calls_left-- == 0;
}

int fail_as_full() {
  errno = ENOSPC;
  return -1;
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

ssize_t write_at(const char* name, int descriptor, const void* bytes, size_t size, off_t place) {
  const auto call = real<ssize_t(int, const void*, size_t, off_t)>(name);
  if (!goes_wrong(descriptor)) return call(descriptor, bytes, size, place);
  if (kind == WriteFault::kFull) return fail_as_full();
  return call(descriptor, std::vector<char>(size).data(), size, place);
}

}  // namespace

FailingWrite::FailingWrite(int64_t after, WriteFault fault) {
  kind = fault;
  calls_left = after;
}

FailingWrite::~FailingWrite() {
  calls_left = -1;
}

bool FailingWrite::has_happened() const {
  return calls_left < 0;
}

}  // namespace cl

// In place of the C library's.
extern "C" {

ssize_t write(int descriptor, const void* bytes, size_t size) {
  static const auto call = cl::real<ssize_t(int, const void*, size_t)>("write");
  if (!cl::goes_wrong(descriptor)) return call(descriptor, bytes, size);
  if (cl::kind == cl::WriteFault::kFull) return cl::fail_as_full();
  return call(descriptor, std::vector<char>(size).data(), size);
}

ssize_t pwrite(int descriptor, const void* bytes, size_t size, off_t place) {
  return cl::write_at("pwrite", descriptor, bytes, size, place);
}

ssize_t pwrite64(int descriptor, const void* bytes, size_t size, off64_t place) {
  return cl::write_at("pwrite64", descriptor, bytes, size, place);
}

int fsync(int descriptor) {
  static const auto call = cl::real<int(int)>("fsync");
  if (cl::goes_wrong(descriptor) && cl::kind == cl::WriteFault::kFull) return cl::fail_as_full();
  return call(descriptor);
}

}  // extern "C"
