#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/data/csv.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

using Fields = std::vector<std::string>;

TEST_CASE("csv rows have the fields of RFC 4180", "[data]") {
  const auto rows = parse_csv("a,b,c\r\n\"1,5\",\"say \"\"hi\"\"\",\"two\nlines\"\n,, \n", "a.csv");
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].fields == Fields{"a", "b", "c"});
  CHECK(rows[1].fields == Fields{"1,5", "say \"hi\"", "two\nlines"});
  CHECK(rows[2].fields == Fields{"", "", " "});
  CHECK(rows[2].line == 4);
}

TEST_CASE("csv without a last line end is whole, and empty lines are no rows", "[data]") {
  CHECK(parse_csv("", "a.csv").empty());
  CHECK(parse_csv("\n\r\n", "a.csv").empty());
  const auto rows = parse_csv("\xef\xbb\xbf\nx,\"\"\n\n\"y\",", "a.csv");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].line == 2);
  CHECK(rows[0].fields == Fields{"x", ""});
  CHECK(rows[1].line == 4);
  CHECK(rows[1].fields == Fields{"y", ""});
}

TEST_CASE("quotes out of place in csv are refused with their line", "[data]") {
  CHECK_THROWS_WITH(parse_csv("a\n\"b", "a.csv"), Contains("a.csv:2: a quote that is never"));
  CHECK_THROWS_WITH(parse_csv("a\nb\"c\"", "a.csv"), Contains("a.csv:2: a quote inside a field"));
  CHECK_THROWS_WITH(parse_csv("\"a\" ,b", "a.csv"), Contains("a.csv:1: text behind a closing"));
  CHECK_THROWS_WITH(parse_csv("\"a\nb\"c", "a.csv"), Contains("a.csv:2: text behind a closing"));
}

TEST_CASE("a NUL in csv is refused with its line, within quotes too", "[data]") {
  const std::string nul(1, '\0');
  CHECK_THROWS_WITH(parse_csv("a,b\nc," + nul + "d\n", "a.csv"),
                    Equals("a.csv:2: a NUL character; expected text"));
  CHECK_THROWS_WITH(parse_csv("\"a\nb\n" + nul + "\"", "a.csv"), Contains("a.csv:3: a NUL"));
  CHECK_THROWS_WITH(parse_csv(nul, "a.csv"), Contains("a.csv:1: a NUL"));
}

}  // namespace
}  // namespace cl
