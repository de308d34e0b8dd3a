// Fuzz target: the search for a JPEG file's end.
#include "core/data/jpeg_end.h"

#include <cstdint>

#include "tests/fuzz/target.h"

namespace cl::fuzz {

void read(std::string_view bytes) {
  const std::span file(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (is_jpeg(file)) (void)is_cut_short_jpeg(file);
}

std::vector<std::string> seeds() {
  using namespace std::string_literals;
  return {"\xff\xd8\xff\xe0\0\4JF\xff\xda\0\2ab\xff\0c\xff\xd0\xff\xff\xd9"s, "\xff\xd8\xff\xe0"s};
}

}  // namespace cl::fuzz
