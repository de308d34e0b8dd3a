// Fuzz target: BMP files of 16 and 32 bits a pixel, which are not left to OpenCV.
#include <cstdint>

#include "core/data/decoders/decoders.h"
#include "tests/fuzz/target.h"

namespace cl::fuzz {

void read(std::string_view bytes) {
  constexpr size_t kBitsPerPixel = 28;
  if (bytes.size() <= kBitsPerPixel) return;
  if (bytes[kBitsPerPixel] != 16 && bytes[kBitsPerPixel] != 32) return;
  (void)decode_bmp({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

std::vector<std::string> seeds() {
  using namespace std::string_literals;
  const std::string start = "BM\0\0\0\0\0\0\0\0"s, size = "\1\0\0\0\1\0\0\0\1\0"s;
  const std::string rest(20, '\0');
  return {start + "\x36\0\0\0\x28\0\0\0"s + size + "\x20\0\0\0\0\0"s + rest + "abcd"s,
          start + "\x42\0\0\0\x28\0\0\0"s + size + "\x10\0\3\0\0\0"s + rest +
              "\0\xf8\0\0\xe0\7\0\0\x1f\0\0\0"s + "ab\0\0"s};
}

}  // namespace cl::fuzz
