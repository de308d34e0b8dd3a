#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <zlib.h>

#include "core/base/error.h"
#include "core/data/idx.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl {
namespace {

using namespace std::string_literals;

std::string gzip(const TempDir& folder, const std::string& bytes) {
  const std::string path = (folder / "packed").string();
  gzFile file = gzopen(path.c_str(), "wb");
  REQUIRE(file != nullptr);
  REQUIRE(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) ==
          static_cast<int>(bytes.size()));
  REQUIRE(gzclose(file) == Z_OK);
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Two images of 2 x 3 bytes, 1 to 12.
const std::string kImages =
    "\0\0\x08\x03\0\0\0\x02\0\0\0\x02\0\0\0\x03\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0A\x0B\x0C"s;

TEST_CASE("an IDX file is read raw and compressed alike", "[data][idx]") {
  const TempDir folder;
  const auto raw = folder.write("raw", kImages);
  const auto packed = folder.write("packed.gz", gzip(folder, kImages));
  for (const auto& file : {raw, packed}) {
    const IdxArray array = read_idx(file);
    CHECK(array.type == IdxType::kUint8);
    CHECK(array.shape == std::vector<int64_t>{2, 2, 3});
    CHECK(array.bytes == std::vector<uint8_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  }
}

TEST_CASE("every type of IDX is read in this machine's byte order", "[data][idx]") {
  const TempDir folder;
  const auto read = [&](const std::string& bytes) { return read_idx(folder.write("a", bytes)); };
  const auto whole = [&](const std::string& bytes) {
    return integers(read_idx(folder.write("a", bytes)), "a");
  };
  using Numbers = std::vector<int64_t>;
  CHECK(whole("\0\0\x08\x01\0\0\0\x02\x01\xFF"s) == Numbers{1, 255});
  CHECK(whole("\0\0\x09\x01\0\0\0\x02\x01\xFF"s) == Numbers{1, -1});
  CHECK(whole("\0\0\x0B\x01\0\0\0\x02\x01\x02\xFF\xFE"s) == Numbers{258, -2});
  CHECK(whole("\0\0\x0C\x01\0\0\0\x02\0\x01\0\0\xFF\xFF\xFF\xFD"s) == Numbers{65536, -3});

  // 1.5 is 3FC00000 as a float and 3FF80000 00000000 as a double.
  const IdxArray single = read("\0\0\x0D\x01\0\0\0\x01\x3F\xC0\0\0"s);
  float f = 0;
  REQUIRE(single.bytes.size() == sizeof(f));
  std::memcpy(&f, single.bytes.data(), sizeof(f));
  CHECK(f == 1.5F);
  const IdxArray twice = read("\0\0\x0E\x01\0\0\0\x01\x3F\xF8\0\0\0\0\0\0"s);
  double d = 0;
  REQUIRE(twice.bytes.size() == sizeof(d));
  std::memcpy(&d, twice.bytes.data(), sizeof(d));
  CHECK(d == 1.5);
  CHECK_THROWS_WITH(integers(single, "a.idx"), Contains("a.idx: expected integers"));
}

TEST_CASE("a malformed IDX file is an error that names it", "[data][idx]") {
  const TempDir folder;
  const auto fails = [&](const std::string& bytes, const std::string& message) {
    const auto raw = folder.write("bad.idx", bytes);
    CHECK_THROWS_WITH(read_idx(raw), Contains("bad.idx: ") && Contains(message));
    const auto packed = folder.write("bad.gz", gzip(folder, bytes));
    CHECK_THROWS_WITH(read_idx(packed), Contains("bad.gz: ") && Contains(message));
  };
  fails("", "too short");
  fails("\0\0\x08"s, "too short");
  fails("\x01\0\x08\x01\0\0\0\0"s, "found 01 00 08 01");
  fails("\0\0\x0A\x01\0\0\0\0"s, "expected an IDX file");
  fails("\0\0\x08\0"s, "expected an IDX file");
  fails("\0\0\x08\x03\0\0\0\x02\0\0"s, "promises 3 dimensions");
  fails(kImages.substr(0, kImages.size() - 1), "need 12 bytes, found 11");
  fails(kImages + "x", "data go on after the end");
  // 4294967295^2 bytes overflow 63 bits; 4294967295 * 65535 do not, and must not be allocated.
  fails("\0\0\x08\x02\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"s, "impossibly large");
  fails("\0\0\x08\x02\xFF\xFF\xFF\xFF\0\0\xFF\xFF\x01\x02"s, "truncated");
  fails("\0\0\x0E\x03\xFF\xFF\xFF\xFF\0\0\xFF\xFF\0\x01\0\0"s, "impossibly large");
  CHECK_THROWS_WITH(read_idx(folder / "none"), Contains("none: expected an IDX file"));
  CHECK_THROWS_WITH(read_idx(folder.path()), Contains("expected an IDX file, found none"));
}

TEST_CASE("damaged gzip data are an error wherever the damage is", "[data][idx]") {
  const TempDir folder;
  std::string pixels = kImages;
  const std::string good = gzip(folder, pixels);
  CHECK_NOTHROW(read_idx(folder.write("good.gz", good)));
  // Cut anywhere from within the header (10 bytes) to within the checksum (last 8).
  for (size_t length = 2; length < good.size(); ++length) {
    INFO("cut to " << length << " of " << good.size() << " bytes");
    CHECK_THROWS_AS(read_idx(folder.write("cut.gz", good.substr(0, length))), Error);
  }
  std::string wrong_sum = good;
  wrong_sum[good.size() - 8] = static_cast<char>(wrong_sum[good.size() - 8] ^ 1);
  CHECK_THROWS_WITH(read_idx(folder.write("sum.gz", wrong_sum)), Contains("damaged gzip data"));
}

}  // namespace
}  // namespace cl
