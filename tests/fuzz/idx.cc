// Fuzz target: IDX files, compressed or not.
#include "core/data/idx.h"

#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/target.h"

namespace cl::fuzz {

void read(std::string_view bytes) {
  const MemoryFile file(bytes);
  const IdxArray array = read_idx(file.path());
  (void)integers(array, file.path());
}

std::vector<std::string> seeds() {
  using namespace std::string_literals;
  return {
      "\0\0\x08\x01\0\0\0\x03\0\1\2"s,                  // three labels
      "\0\0\x08\x03\0\0\0\1\0\0\0\2\0\0\0\2abcd"s,      // one image of 2 x 2
      "\0\0\x0b\x02\0\0\0\1\0\0\0\2\x7f\xff\x80\0"s,    // 16-bit integers
      "\0\0\x0d\x01\0\0\0\1\x3f\x80\0\0"s,              // a floating-point number
      "\0\0\x08\x02\xff\xff\xff\xff\xff\xff\xff\xff"s,  // more than there is
      "\x1f\x8b\x08\0\0\0\0\0\0\x03\x63\x60\xe0\x60\x64\x60\x60\x60\x04\x00"s,  // cut short
  };
}

}  // namespace cl::fuzz
