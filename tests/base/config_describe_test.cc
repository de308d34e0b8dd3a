#include <array>

#include "core/config/describe.h"
#include "tests/support/catch.h"

namespace cl::config {
namespace {

struct Inner {
  int64_t k = 3;
  void fields(Fields& f) { f.field("k", k, "experts | token", {1}); }
};

struct Options {
  bool frozen = true;
  double lr = 0.001;
  std::string head = "linear";
  std::string label;
  Path weights;
  std::vector<int64_t> layers = {1, 2};
  std::vector<double> decay = {0.5};
  std::vector<std::string> sites = {"mlp"};
  Inner inner;
  void fields(Fields& f) {
    static constexpr std::array<std::string_view, 2> kHeads{"linear", "cosine"};
    f.field("frozen", frozen, "fixed");
    f.field("lr", lr, "rate", {0, 1});
    f.field("head", head, "classifier", kHeads);
    f.field("label", label, "free text");
    f.field("weights", weights, "safetensors");
    f.field("layers", layers, "adapted", {0, 11});
    f.field("decay", decay, "à part", {.max = 1});
    f.field("sites", sites, "places");
    f.group("inner", inner, "mixture");
  }
};

TEST_CASE("a description has one row per option, groups dotted", "[config]") {
  const auto rows = describe_fields([](Fields& f) { Options{}.fields(f); });
  REQUIRE(rows.size() == 9);
  CHECK(rows[1].key == "lr");
  CHECK(rows[1].type == "number");
  CHECK(rows[1].range == "[0, 1]");
  CHECK(rows[1].value == "0.001");
  CHECK(rows[1].doc == "rate");
  CHECK(rows[3].value == "\"\"");
  CHECK(rows[8].key == "inner.k");
  CHECK(rows[8].range == ">= 1");
}

TEST_CASE("the rows make an aligned Markdown table", "[config]") {
  const auto rows = describe_fields([](Fields& f) { Options{}.fields(f); });
  CHECK(to_markdown(rows) ==
        "| option  | type                  | range   | default | meaning          |\n"
        "| ------- | --------------------- | ------- | ------- | ---------------- |\n"
        "| frozen  | yes/no                |         | true    | fixed            |\n"
        "| lr      | number                | [0, 1]  | 0.001   | rate             |\n"
        "| head    | one of linear, cosine |         | linear  | classifier       |\n"
        "| label   | text                  |         | \"\"      | free text        |\n"
        "| weights | file                  |         | \"\"      | safetensors      |\n"
        "| layers  | list of integers      | [0, 11] | [1, 2]  | adapted          |\n"
        "| decay   | list of numbers       | <= 1    | [0.5]   | à part           |\n"
        "| sites   | list of texts         |         | [mlp]   | places           |\n"
        "| inner.k | integer               | >= 1    | 3       | experts \\| token |\n");
}

}  // namespace
}  // namespace cl::config
