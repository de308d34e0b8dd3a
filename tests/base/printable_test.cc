#include "core/base/printable.h"

#include "core/base/sha256.h"
#include "tests/support/catch.h"

namespace cl {

TEST_CASE("nothing in a printed text steers the terminal", "[base]") {
  CHECK(printable("a \x1b[2Jb\x7f") == "a \\x1b[2Jb\\x7f");
  CHECK(printable(std::string_view("\0\r", 2)) == "\\x00\\x0d");
  CHECK(printable("\xc2\x9b"
                  "2J") == "\\u009b2J");  // U+009B is what ESC [ is in one character
  CHECK(printable("line\n\tgrüße ±") == "line\n\tgrüße ±");
  CHECK(printable("gr\xfc\xdf") == "gr\\xfc\\xdf");  // Latin-1
  CHECK(printable("\xc2") == "\\xc2");
}

TEST_CASE("a printed name stays on its line", "[base]") {
  CHECK(printable_name("two\nlines\tand \x1b ü") == "two\\x0alines\\x09and \\x1b ü");
}

TEST_CASE("what is printed may stand in XML", "[base]") {
  // XML 1.0, production 2: no U+FFFE and U+FFFF, but U+FFFD.
  CHECK(printable("\xef\xbf\xbe \xef\xbf\xbf \xef\xbf\xbd") == "\\ufffe \\uffff \xef\xbf\xbd");
}

TEST_CASE("only what RFC 3629 allows is UTF-8", "[base]") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("a \xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf"));
  CHECK_FALSE(is_utf8("\xfc"));
  CHECK_FALSE(is_utf8("\xe2\x82"));          // cut short
  CHECK_FALSE(is_utf8("\x80"));              // a later byte first
  CHECK_FALSE(is_utf8("\xc0\xaf"));          // a slash in two bytes
  CHECK_FALSE(is_utf8("\xe0\x80\xaf"));      // in three
  CHECK_FALSE(is_utf8("\xed\xa0\x80"));      // a surrogate
  CHECK_FALSE(is_utf8("\xf4\x90\x80\x80"));  // beyond U+10FFFF
  CHECK_FALSE(is_utf8("\xc3("));
}

TEST_CASE("a digest is the beginning of SHA-256, however the bytes were cut", "[base]") {
  // FIPS 180-2, appendix B.1: SHA-256 of "abc" begins ba7816bf 8f01cfea.
  Sha256 whole, parts;
  whole.add("abc", 3);
  parts.add("a", 1);
  parts.add("bc", 2);
  CHECK(whole.hex() == "ba7816bf8f01cfea");
  CHECK(parts.hex() == "ba7816bf8f01cfea");
  Sha256 all;
  all.add("abc", 3);
  CHECK(all.hex(Sha256::kAllDigits) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace cl
