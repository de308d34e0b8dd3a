#include <cmath>
#include <limits>
#include <string>

#include <fmt/format.h>

#include "core/config/read.h"
#include "core/config/scalar.h"
#include "core/config/write.h"
#include "tests/support/catch.h"

namespace cl::config {
namespace {

struct Nothing {
  void fields(Fields&) {}
};

struct Inner {
  int64_t k = 3;
  Nothing nothing;
  void fields(Fields& f) {
    f.field("k", k, "");
    f.group("nothing", nothing, "");
  }
};

struct Options {
  bool frozen = true;
  int64_t width = -48;
  double lr = 0.001;
  std::string label = "a: b";
  Path weights{"w/x.bin", "suites"};
  std::vector<int64_t> layers = {1, 2};
  std::vector<double> decay = {0.5, -HUGE_VAL};
  std::vector<std::string> sites = {"mlp", "1"};
  Inner inner;
  double last = 1;
  void fields(Fields& f) {
    f.field("frozen", frozen, "");
    f.field("width", width, "");
    f.field("lr", lr, "");
    f.field("label", label, "");
    f.field("weights", weights, "");
    f.field("layers", layers, "");
    f.field("decay", decay, "");
    f.field("sites", sites, "");
    f.group("inner", inner, "");
    f.field("last", last, "");
  }
};

TEST_CASE("writing shows every field in member order", "[config]") {
  CHECK(write(Options{}) ==
        "frozen: true\n"
        "width: -48\n"
        "lr: 0.001\n"
        "label: \"a: b\"\n"
        "weights: w/x.bin\n"
        "layers: [1, 2]\n"
        "decay: [0.5, -.inf]\n"
        "sites: [mlp, \"1\"]\n"
        "inner:\n"
        "  k: 3\n"
        "  nothing: {}\n"
        "last: 1\n");
  CHECK(write(Nothing{}).empty());
}

TEST_CASE("every line is indented as asked", "[config]") {
  CHECK(write(Inner{}, 4) == "    k: 3\n    nothing: {}\n");
}

TEST_CASE("what was written reads back as it was", "[config]") {
  Options options;
  options.lr = 0.1 + 0.2;
  options.label = "two\nlines # and 'quotes'";
  options.layers.clear();
  options.decay = {std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max(),
                   -0.0, 1.0 / 3};
  options.inner.k = std::numeric_limits<int64_t>::min();
  const std::string text = write(options);
  const auto back = read<Options>(Node::parse(text, "a.yaml"));
  CHECK(write(back) == text);
  CHECK(back.lr == options.lr);
  CHECK(back.label == options.label);
  CHECK(back.layers.empty());
  CHECK(back.decay == options.decay);
  CHECK(std::signbit(back.decay[2]));
  CHECK(back.inner.k == options.inner.k);
}

TEST_CASE("every text survives writing and reading", "[config]") {
  std::string ascii;  // but NUL, which is refused
  for (int c = 1; c < 128; ++c) ascii += static_cast<char>(c);
  const std::vector<std::string> texts{"",        " ",
                                       " a",      "a ",
                                       "a  b",    "true",
                                       "No",      "null",
                                       "~",       "3",
                                       "-3",      "1e5",
                                       ".5",      ".inf",
                                       "nan",     "0x1F",
                                       "1_000",   "2020-01-01",
                                       "a: b",    "a:",
                                       ":a",      "a #b",
                                       "#a",      "- a",
                                       "-",       "---",
                                       "...",     "? a",
                                       "[a]",     "{a}",
                                       "a, b",    "a]",
                                       "&a",      "*a",
                                       "!a",      "|",
                                       ">",       "%a",
                                       "@a",      "`a",
                                       "'a'",     "\"a\"",
                                       "a'b",     "a\\nb",
                                       "a\nb",    "a\n",
                                       "\n\na",   "a\tb",
                                       "\ta",     "a\r\nb",
                                       "<<",      "é ü 漢字",
                                       "\u2028x", "\u0085",
                                       "\ufeffx", "=",
                                       "y",       "a/b.c",
                                       "../x",    "~/x",
                                       "C:\\x",   "lr=0.1,seed=3",
                                       ascii};
  for (const std::string& text : texts) {
    const std::string written = write_text(text);
    INFO("written: " << written);
    CHECK(Node::parse(fmt::format("k: {}\n", written), "t").at("k").scalar() == text);
    CHECK(Node::parse(fmt::format("k: [{}, x]\n", written), "t").at("k").items().at(0).scalar() ==
          text);
    CHECK(Node::parse(fmt::format("k: {{{}: {}}}\n", write_text("k" + text), written), "t")
              .at("k")
              .entries()
              .at(0)
              .value.scalar() == text);
  }
}

TEST_CASE("texts are quoted only where they must be", "[config]") {
  for (const char* text : {"linear", "vit_base_patch16_224", "w/x.bin", "../x", "two words",
                           "16bit_net", "a-b", "_x", ".hidden", "face", "lr=0.1"}) {
    CHECK(write_text(text) == text);
  }
  for (const char* text : {"", "true", "off", "12", "1.5", "1e-3", "2020-01-01", "-x", "a,b"}) {
    CHECK(write_text(text) == fmt::format("\"{}\"", text));
  }
}

TEST_CASE("numbers are written in the shortest form that reads back", "[config]") {
  CHECK(write_number(1) == "1");
  CHECK(write_number(0.1) == "0.1");
  CHECK(write_number(0.1 + 0.2) == "0.30000000000000004");
  CHECK(write_number(1e-5) == "1e-05");
  CHECK(write_number(1e22) == "1e+22");
  CHECK(write_number(-HUGE_VAL) == "-.inf");
  CHECK_THROWS_AS(write_number(std::nan("")), InternalError);
}

TEST_CASE("any value fits on one line", "[config]") {
  const auto flow = [](const char* text) { return write_flow(Node::parse(text, "t")); };
  CHECK(flow("sema:\n  k: 8\n  on: ['8', true, 1e-3]\n  none:\n") ==
        "{sema: {k: 8, \"on\": [\"8\", true, 1e-3], none: null}}");
  CHECK(flow("[-3, -.inf, +.inf, -inf, +2.5, -.5, '-3', '-']") ==
        "[-3, -.inf, +.inf, -inf, +2.5, -.5, \"-3\", \"-\"]");
  CHECK(flow("'a: b'") == "\"a: b\"");
  CHECK(flow("{}") == "{}");
  CHECK(flow("[]") == "[]");
}

TEST_CASE("a digest is the start of the SHA-256", "[config]") {
  // FIPS 180-2, appendix B.1; and the well-known hash of nothing.
  CHECK(digest("abc") == "ba7816bf8f01cfea");
  CHECK(digest("") == "e3b0c44298fc1c14");
}

}  // namespace
}  // namespace cl::config
