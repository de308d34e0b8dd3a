// Identifiers of the HDF5 library that close themselves, and its error messages. Included by
// io/hdf5*.cc only.
#pragma once

#include <string>
#include <utility>

#include <hdf5.h>

namespace cl::hdf5 {

/// Owns an identifier; negative where the call that made it failed. What was written through it may
/// reach the file only when it is closed: writers call `close` and look at what it says.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);

  Handle() = default;
  Handle(hid_t id, Close closing) : id_(id), close_(closing) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  /// Drops what closing has to say: right where nothing was written, or all is lost already.
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }

  /// @return negative if something could not be written
  [[nodiscard]] herr_t close() { return close_(std::exchange(id_, -1)); }

  [[nodiscard]] hid_t id() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

/// While it lives, HDF5 prints nothing in this thread: its messages go into our exceptions.
class Quiet {
 public:
  Quiet() {
    H5Eget_auto2(H5E_DEFAULT, &print_, &target_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~Quiet() { H5Eset_auto2(H5E_DEFAULT, print_, target_); }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

 private:
  H5E_auto2_t print_ = nullptr;
  void* target_ = nullptr;
};

/// A damaged file leaves objects inside HDF5 that it cannot close; at exit it would complain about
/// them on the terminal. Nothing is lost: every file of ours is closed by its owner. Has an effect
/// before the library's first use only.
void stay_open_at_exit();

/// Why this thread's last call of HDF5 failed: the system's reason where it gave one ("No space
/// left on device"), else what the innermost failing function had to say. The next call that
/// succeeds, a close too, forgets it.
std::string last_problem();

}  // namespace cl::hdf5
