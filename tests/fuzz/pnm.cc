// Fuzz target: PBM, PGM, PPM and PAM files.
#include <cstdint>

#include "core/data/decoders/decoders.h"
#include "tests/fuzz/target.h"

namespace cl::fuzz {

void read(std::string_view bytes) {
  if (bytes.size() < 2 || bytes[0] != 'P' || bytes[1] < '1' || bytes[1] > '7') return;
  (void)decode_pnm({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

std::vector<std::string> seeds() {
  using namespace std::string_literals;
  return {"P1 2 2\n1 0 0 1"s,
          "P2\n# two\n2 1 9\n1 9"s,
          "P3 1 1 255 1 2 3"s,
          "P4 9 1\n\xff\x80"s,
          "P5 2 1 4095\n\1\2\3\4"s,
          "P6 1 1 255\nabc"s,
          "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 2\nMAXVAL 255\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\nab"s,
          "P5 1073741824 1 255\n"s};
}

}  // namespace cl::fuzz
