#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "core/config/read.h"
#include "core/config/scalar.h"
#include "tests/support/catch.h"

namespace cl::config {
namespace {

struct Router {
  double temperature = 1;
  int64_t top_k = 2;
  void fields(Fields& f) {
    f.field("temperature", temperature, "softmax temperature", {0, 10});
    f.field("top_k", top_k, "experts per token", {1});
  }
  void check(const Node& node) const {
    if (top_k > 8) node.at("top_k").fail("at most 8 experts");
  }
};

struct Options {
  bool frozen = true;
  int64_t bottleneck = 48;
  double lr = 0.01;
  std::string head = "linear";
  std::string label;
  Path weights;
  std::vector<int64_t> layers = {1, 2};
  std::vector<double> decay;
  std::vector<std::string> sites;
  Router router;

  void fields(Fields& f) {
    static constexpr std::array<std::string_view, 2> kHeads{"linear", "cosine"};
    f.field("frozen", frozen, "keep the backbone fixed");
    f.field("bottleneck", bottleneck, "hidden width", {1, 4096});
    f.field("lr", lr, "learning rate", {0, 1});
    f.field("head", head, "classifier", kHeads);
    f.field("label", label, "any text");
    f.field("weights", weights, "safetensors file");
    f.field("layers", layers, "adapted layers", {0, 11});
    f.field("decay", decay, "per layer", {.max = 1});
    f.field("sites", sites, "adapted sites");
    f.group("router", router, "mixture of adapters");
  }
  void check(const Node& node) const {
    if (head == "cosine" && !frozen) node.fail("a cosine head needs a frozen backbone");
  }
};

Options read_text_as_options(const std::string& text) {
  return read<Options>(Node::parse("sema:\n  " + text, "a.yaml", "suites").at("sema"));
}

/// The message for options whose first line stands at line 2, column 3.
std::string problem(const std::string& text) {
  try {
    (void)read_text_as_options(text);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("nothing given leaves every default", "[config]") {
  for (const Node& node : {Node(), Node::parse("{}", "a.yaml"), Node::parse("", "a.yaml")}) {
    const auto options = read<Options>(node);
    CHECK(options.frozen);
    CHECK(options.bottleneck == 48);
    CHECK(options.layers == std::vector<int64_t>{1, 2});
    CHECK(options.router.top_k == 2);
    CHECK(options.weights.empty());
  }
}

TEST_CASE("every type of field is read", "[config]") {
  const auto options = read_text_as_options(
      "{frozen: no, bottleneck: 16, lr: 1e-3, head: linear, label: 'a: b', weights: w/x.bin, "
      "layers: [], decay: [.5, -.inf], sites: [mlp, qkv], router: {top_k: 3}}");
  CHECK_FALSE(options.frozen);
  CHECK(options.bottleneck == 16);
  CHECK(options.lr == 0.001);
  CHECK(options.head == "linear");
  CHECK(options.label == "a: b");
  CHECK(options.weights.text == "w/x.bin");
  CHECK(options.layers.empty());
  CHECK(options.decay == std::vector<double>{0.5, -HUGE_VAL});
  CHECK(options.sites == std::vector<std::string>{"mlp", "qkv"});
  CHECK(options.router.top_k == 3);
  CHECK(options.router.temperature == 1);
}

TEST_CASE("a relative file starts at the folder of the configuration", "[config]") {
  CHECK(read_text_as_options("weights: ../w/x.bin").weights.resolve() == "w/x.bin");
  CHECK(read_text_as_options("weights: /w/x.bin").weights.resolve() == "/w/x.bin");
}

TEST_CASE("the rules of an inner struct hold, after misspelled keys are named", "[config]") {
  CHECK(problem("router: {top_k: 9}") == "a.yaml:2:19: sema.router.top_k: at most 8 experts");
  CHECK(problem("router: {top_k: 9, temprature: 1}") ==
        "a.yaml:2:22: sema.router.temprature: unknown key; did you mean 'temperature'?");
}

TEST_CASE("an included struct has its fields and rules at the level that is open", "[config]") {
  struct Outer {
    Router router;
    int64_t width = 1;
    void fields(Fields& f) {
      f.include(router);
      f.field("width", width, "pixels");
    }
  };
  CHECK(read<Outer>(Node::parse("{top_k: 3, width: 2}", "a.yaml")).router.top_k == 3);
  CHECK_THROWS_WITH(read<Outer>(Node::parse("{top_k: 9}", "a.yaml")),
                    "a.yaml:1:9: top_k: at most 8 experts");
}

TEST_CASE("a struct may be checked against the values that it had before", "[config]") {
  struct Steps {
    int64_t length = 1;
    void fields(Fields& f) { f.field("length", length, "of a step"); }
    void check(const Node& node, const Steps& standard) const {
      if (length != standard.length) node.at("length").fail("nobody steps here");
    }
  };
  struct Walk {
    Steps steps{.length = 5};
    void fields(Fields& f) { f.group("steps", steps, "its steps"); }
  };
  CHECK(read<Walk>(Node::parse("steps: {length: 5}", "a.yaml")).steps.length == 5);
  CHECK_THROWS_WITH(read<Walk>(Node::parse("steps: {length: 1}", "a.yaml")),
                    "a.yaml:1:17: steps.length: nobody steps here");
}

TEST_CASE("an unknown key is reported at the key, with the nearest known one", "[config]") {
  CHECK(problem("lr: 0.1\n  bottelneck: 8") ==
        "a.yaml:3:3: sema.bottelneck: unknown key; did you mean 'bottleneck'?");
  CHECK(problem("router:\n    topk: 8") ==
        "a.yaml:3:5: sema.router.topk: unknown key; did you mean 'top_k'?");
  CHECK(problem("router: {threshold: 8}") ==
        "a.yaml:2:12: sema.router.threshold: unknown key; known: temperature, top_k");
}

TEST_CASE("a value of the wrong type says what was expected and what was found", "[config]") {
  CHECK(problem("frozen: maybe") ==
        "a.yaml:2:11: sema.frozen: expected true or false, found 'maybe'");
  CHECK(problem("bottleneck: abc") ==
        "a.yaml:2:15: sema.bottleneck: expected an integer, found 'abc'");
  CHECK(problem("bottleneck: '8'") ==
        "a.yaml:2:15: sema.bottleneck: expected an integer, found the text '8'");
  CHECK(problem("bottleneck:") ==
        "a.yaml:2:3: sema.bottleneck: expected an integer, found nothing");
  CHECK(problem("lr: [0.1]") == "a.yaml:2:7: sema.lr: expected a number, found a list");
  CHECK(problem("lr: nan") == "a.yaml:2:7: sema.lr: expected a number, found 'nan'");
  CHECK(problem("label: {a: 1}") == "a.yaml:2:10: sema.label: expected a text, found a map");
  CHECK(problem("weights: []") == "a.yaml:2:12: sema.weights: expected a text, found a list");
  CHECK(problem("layers: 3") == "a.yaml:2:11: sema.layers: expected a list, found '3'");
  CHECK(problem("layers: [1, x]") == "a.yaml:2:15: sema.layers.1: expected an integer, found 'x'");
  CHECK(problem("sites: [[]]") == "a.yaml:2:11: sema.sites.0: expected a text, found a list");
  CHECK(problem("router: 3") == "a.yaml:2:11: sema.router: expected a map of options, found '3'");
}

TEST_CASE("options as a whole are a map", "[config]") {
  CHECK_THROWS_WITH(read<Options>(Node::parse("[1]", "a.yaml")),
                    "a.yaml:1:1: expected a map of options, found a list");
}

TEST_CASE("a number out of range says the range", "[config]") {
  CHECK(problem("bottleneck: 0") ==
        "a.yaml:2:15: sema.bottleneck: expected an integer in [1, 4096], found '0'");
  CHECK(problem("bottleneck: 4096") == "accepted");
  CHECK(problem("lr: -0.5") == "a.yaml:2:7: sema.lr: expected a number in [0, 1], found '-0.5'");
  CHECK(problem("lr: 1") == "accepted");
  CHECK(problem("router: {top_k: 0}") ==
        "a.yaml:2:19: sema.router.top_k: expected an integer >= 1, found '0'");
  CHECK(problem("layers: [0, 12]") ==
        "a.yaml:2:15: sema.layers.1: expected an integer in [0, 11], found '12'");
  CHECK(problem("decay: [2]") == "a.yaml:2:11: sema.decay.0: expected a number <= 1, found '2'");
}

TEST_CASE("a text outside the choices lists them", "[config]") {
  CHECK(problem("head: lineer") ==
        "a.yaml:2:9: sema.head: expected one of 'linear', 'cosine'; found 'lineer'");
}

TEST_CASE("the check across fields comes last", "[config]") {
  CHECK(problem("{head: cosine, frozen: false}") ==
        "a.yaml:2:3: sema: a cosine head needs a frozen backbone");
  CHECK(problem("{head: cosine, frozen: false, zzz: 1}") ==
        "a.yaml:2:33: sema.zzz: unknown key; known: frozen, bottleneck, lr, head, label, "
        "weights, layers, decay, sites, router");
}

TEST_CASE("integers are whole decimal text within 64 bits", "[config]") {
  const auto integer = [](const char* text) { return read_integer(Node::parse(text, "t")); };
  CHECK(integer("-3") == -3);
  CHECK(integer("+3") == 3);
  CHECK(integer("9223372036854775807") == std::numeric_limits<int64_t>::max());
  CHECK(integer("-9223372036854775808") == std::numeric_limits<int64_t>::min());
  CHECK_THROWS_WITH(integer("9223372036854775808"),
                    "t:1:1: expected an integer of 64 bits, found '9223372036854775808'");
  for (const char* text : {"1.0", "1e3", "0x10", "3 4", "1_000", "+-3", "+", "true"}) {
    CHECK_THROWS_WITH(integer(text),
                      "t:1:1: expected an integer, found '" + std::string(text) + "'");
  }
}

TEST_CASE("numbers are decimal text or infinite", "[config]") {
  const auto number = [](const char* text) { return read_number(Node::parse(text, "t")); };
  CHECK(number("3") == 3);
  CHECK(number("1e-3") == 0.001);
  CHECK(number("1E3") == 1000);
  CHECK(number(".5") == 0.5);
  CHECK(number("+2.5") == 2.5);
  CHECK(number("inf") == HUGE_VAL);
  CHECK(number(".inf") == HUGE_VAL);
  CHECK(number("+.INF") == HUGE_VAL);
  CHECK(number("-.inf") == -HUGE_VAL);
  CHECK(number("-inf") == -HUGE_VAL);
  CHECK_THROWS_WITH(number("1e999"),
                    "t:1:1: expected a number within double precision, found '1e999'");
  for (const char* text : {"nan", ".nan", "-nan", "1e", "0x1p3", "1,5", "1.5x", "."}) {
    CHECK_THROWS_WITH(number(text), "t:1:1: expected a number, found '" + std::string(text) + "'");
  }
}

TEST_CASE("a visit that names a key twice is our mistake", "[config]") {
  const auto twice = [](Fields& f) {
    bool value = false;
    f.field("a", value, "");
    f.field("a", value, "");
  };
  CHECK_THROWS_AS(read_fields(Node(), twice), InternalError);
  const auto open = [](Fields& f) { f.begin("a", ""); };
  CHECK_THROWS_AS(read_fields(Node(), open), InternalError);
}

TEST_CASE("the nearest name is suggested, and far ones are listed", "[config]") {
  const std::vector<std::string> names{"lr", "momentum", "num_epochs", "sema"};
  CHECK(did_you_mean("momentun", names) == "; did you mean 'momentum'?");
  CHECK(did_you_mean("epochs", names) == "; known: lr, momentum, num_epochs, sema");
  CHECK(did_you_mean("numEpochs", names) == "; did you mean 'num_epochs'?");
  CHECK(did_you_mean("num-epochs", names) == "; did you mean 'num_epochs'?");
  CHECK(did_you_mean("SEMA", names) == "; did you mean 'sema'?");
  CHECK(did_you_mean("smea", names) == "; did you mean 'sema'?");
  CHECK(did_you_mean("lrs", names) == "; did you mean 'lr'?");
  CHECK(did_you_mean("xy", names) == "; known: lr, momentum, num_epochs, sema");
  CHECK(did_you_mean("", names) == "; known: lr, momentum, num_epochs, sema");
  CHECK(did_you_mean("lr", {}) == "; none is known");
}

}  // namespace
}  // namespace cl::config
