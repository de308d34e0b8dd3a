#include "core/data/jpeg_end.h"

#include <cstddef>

namespace cl {
namespace {

constexpr uint8_t kMark = 0xff;  // the first byte of every marker
constexpr uint8_t kStart = 0xd8, kEnd = 0xd9;
constexpr uint8_t kFirstRestart = 0xd0;  // these and kStart stand alone, without a segment
constexpr uint8_t kStuffing = 0x00, kTemporary = 0x01;

}  // namespace

bool is_jpeg(std::span<const uint8_t> file) {
  return file.size() >= 2 && file[0] == kMark && file[1] == kStart;
}

bool is_cut_short_jpeg(std::span<const uint8_t> file) {
  size_t i = 0;
  while (i + 1 < file.size()) {
    if (file[i] != kMark || file[i + 1] == kMark) {
      ++i;  // compressed data, or a fill byte
      continue;
    }
    const uint8_t marker = file[i + 1];
    if (marker == kEnd) return false;
    i += 2;
    const bool stands_alone = marker == kStuffing || marker == kTemporary ||
                              (marker >= kFirstRestart && marker <= kStart);
    if (stands_alone) continue;
    if (i + 1 >= file.size()) return true;
    i += size_t{file[i]} << 8 | file[i + 1];  // the segment's length, these two bytes included
  }
  return true;
}

}  // namespace cl
