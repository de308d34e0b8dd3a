// A disk that fails for a moment. In a binary with failing_writes.cc, the calls that write to and
// sync regular files go through it.
#pragma once

#include <cstdint>

namespace cl {

enum class WriteFault {
  kFull,   // the call fails: no space left
  kZeros,  // zeros are written, and nobody is told
};

/// While it lives, one call of `write`, `pwrite` or `fsync` for a regular file goes wrong: the one
/// before which there were `after`. One at a time; calls of all threads count.
class FailingWrite {
 public:
  FailingWrite(int64_t after, WriteFault fault);
  ~FailingWrite();
  FailingWrite(const FailingWrite&) = delete;
  FailingWrite& operator=(const FailingWrite&) = delete;

  /// Whether it has gone wrong: else there were not so many calls.
  [[nodiscard]] bool has_happened() const;
};

}  // namespace cl
