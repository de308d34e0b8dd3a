#include "core/data/digested_file.h"

#include <cerrno>
#include <charconv>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/data/content_digest.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int kHexadecimal = 16;

int64_t nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * kNsPerSecond + time.tv_nsec;
}

[[noreturn]] void fail(const fs::path& file, std::string_view problem) {
  throw Error(fmt::format("{}: {}", file.string(), problem));
}

[[noreturn]] void fail_changed(const fs::path& file) {
  fail(
      file,
      "has changed since this run began; put back what was there, or start the run anew on what is "
      "there now");
}

[[noreturn]] void fail_missing(const fs::path& file, std::string_view noun) {
  fail(file, fmt::format("expected {}, found none", noun));
}

constexpr std::string_view kAnyFile = "a file", kImageFile = "an image file";

FileFacts facts_from(const struct stat& status, const fs::path& file, std::string_view noun) {
  if (!S_ISREG(status.st_mode)) fail_missing(file, noun);
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size_bytes = status.st_size,
          .modified_ns = nanoseconds(status.st_mtim),
          .changed_ns = nanoseconds(status.st_ctim)};
}

/// An open file, by the system's own calls: its facts are those of what is read, whatever comes to
/// stand under its name meanwhile.
class OpenedFile {
 public:
  /// A pipe is not waited for.
  explicit OpenedFile(const fs::path& file)
      : file_(file), descriptor_(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (descriptor_ >= 0) return;
    if (errno == ENOENT || errno == ENXIO) fail_missing(file, kImageFile);
    fail(file, fmt::format("cannot be read: {}", std::generic_category().message(errno)));
  }
  ~OpenedFile() { ::close(descriptor_); }
  OpenedFile(const OpenedFile&) = delete;
  OpenedFile& operator=(const OpenedFile&) = delete;

  [[nodiscard]] FileFacts facts() const {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) {
      fail(file_, fmt::format("cannot be read: {}", std::generic_category().message(errno)));
    }
    return facts_from(status, file_, kImageFile);
  }

  [[nodiscard]] std::vector<uint8_t> bytes() const {
    // One more than is promised, so that the end shows without another growth.
    std::vector<uint8_t> bytes(static_cast<size_t>(facts().size_bytes) + 1);
    size_t done = 0;
    while (true) {
      if (done == bytes.size()) bytes.resize(2 * done);
      const ssize_t count = ::read(descriptor_, bytes.data() + done, bytes.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        fail(file_, fmt::format("cannot be read: {}", std::generic_category().message(errno)));
      }
      if (count == 0) break;
      done += static_cast<size_t>(count);
    }
    bytes.resize(done);
    return bytes;
  }

 private:
  const fs::path& file_;
  int descriptor_;
};

std::string digest_of(std::span<const uint8_t> bytes) {
  ContentDigest digest;
  digest.add(std::as_bytes(bytes));
  return digest.hex();
}

uint64_t as_number(const std::string& hex) {
  uint64_t number = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), number, kHexadecimal);
  return number;
}

std::string digest_of(const fs::path& file) {
  ContentDigest digest;
  digest.add_file(file);
  return digest.hex();
}

}  // namespace

FileFacts facts_of(const fs::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) fail_missing(file, kAnyFile);
  return facts_from(status, file, kAnyFile);
}

DigestedFile DigestedFile::by_content(const fs::path& file) {
  return by_content(OpenedFile(file).bytes());
}

DigestedFile DigestedFile::by_content(std::span<const uint8_t> bytes) {
  return DigestedFile(as_number(digest_of(bytes)));
}

DigestedFile DigestedFile::by_size(const fs::path& file) {
  return DigestedFile(facts_of(file));
}

std::string DigestedFile::mark() const {
  if (const auto* content = std::get_if<Content>(&was_)) return fmt::format("{:016x}", *content);
  return std::to_string(std::get<FileFacts>(was_).size_bytes);
}

std::vector<uint8_t> DigestedFile::read(const fs::path& file) const {
  const OpenedFile opened(file);
  std::vector<uint8_t> bytes = opened.bytes();
  if (const auto* content = std::get_if<Content>(&was_)) {
    if (as_number(digest_of(bytes)) != *content) fail_changed(file);
    return bytes;
  }
  const auto& was = std::get<FileFacts>(was_);
  const FileFacts is = opened.facts();  // after reading: it may have been written meanwhile
  if (is.size_bytes != was.size_bytes || is.inode != was.inode ||
      is.modified_ns != was.modified_ns) {
    fail_changed(file);
  }
  return bytes;
}

WatchedFile::WatchedFile(fs::path file) : file_(std::move(file)) {
  facts_ = facts_of(file_);
  read_unchanged(file_, [&] { digest_ = digest_of(file_); });
}

void WatchedFile::require_unchanged() const {
  const FileFacts is = facts_of(file_);
  const std::lock_guard lock(mutex_);
  if (is == facts_) return;
  if (digest_of(file_) != digest_) fail_changed(file_);
  facts_ = is;
}

void read_unchanged(const fs::path& file, const std::function<void()>& read) {
  const FileFacts before = facts_of(file);
  read();
  if (facts_of(file) != before) fail(file, "changed while it was read; is it being written?");
}

}  // namespace cl
