#include <algorithm>
#include <memory>
#include <string>

#include "core/base/error.h"
#include "core/config/describe.h"
#include "core/config/registry.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

using config::Fields;
using config::Node;

class Shape {
 public:
  static constexpr std::string_view kKind = "shape";
  struct Traits {
    bool round = false;
  };
  struct Parts {
    double scale = 1;
  };
  virtual ~Shape() = default;
  [[nodiscard]] virtual double area() const = 0;
};

class Square final : public Shape {
 public:
  struct Options {
    double side = 2;
    void fields(Fields& f) { f.field("side", side, "length, m", {0, 100}); }
  };
  Square(Options options, Parts parts) : side_(options.side * parts.scale) {}
  [[nodiscard]] double area() const override { return side_ * side_; }

 private:
  double side_;
};

class Point final : public Shape {
 public:
  struct Options {
    void fields(Fields&) {}
  };
  Point(Options, Parts) {}
  [[nodiscard]] double area() const override { return 0; }
};

/// Twice another shape, to nest choices.
class Twice final : public Shape {
 public:
  struct Options {
    Node shape = Node::of("square");
    void fields(Fields& f) { f.plugin("shape", shape, "shape", "what is doubled"); }
  };
  Twice(const Options& options, Parts parts)
      : shape_(Registry<Shape>::get().make(options.shape, parts)) {}
  [[nodiscard]] double area() const override { return 2 * shape_->area(); }

 private:
  std::unique_ptr<Shape> shape_;
};

/// Has a choice without a default.
class Copy final : public Shape {
 public:
  struct Options {
    Node of;
    void fields(Fields& f) { f.plugin("of", of, "shape", "what is copied"); }
  };
  Copy(const Options& options, Parts parts)
      : shape_(Registry<Shape>::get().make(options.of, parts)) {}
  [[nodiscard]] double area() const override { return shape_->area(); }

 private:
  std::unique_ptr<Shape> shape_;
};

/// Has a list of choices.
class Row final : public Shape {
 public:
  struct Options {
    std::vector<Node> shapes;
    void fields(Fields& f) { f.plugins("shapes", shapes, "shape", "side by side"); }
  };
  Row(const Options& options, Parts parts) {
    for (const Node& shape : options.shapes) {
      area_ += Registry<Shape>::get().make(shape, parts)->area();
    }
  }
  [[nodiscard]] double area() const override { return area_; }

 private:
  double area_ = 0;
};

const Register<Shape, Row> kRow{"row", "shapes side by side", "baseline"};
const Register<Shape, Twice> kTwice{"twice", "another shape, doubled", "baseline"};
const Register<Shape, Square> kSquare{"square", "four equal sides", "Euclid, book 1"};
const Register<Shape, Point> kPoint{"point", "no extent", "baseline", {.round = true}};
const Register<Shape, Copy> kCopy{"copy", "another shape", "baseline"};

const Registry<Shape>& shapes() {
  return Registry<Shape>::get();
}
Node parse(const std::string& text) {
  return Node::parse(text, "a.yaml");
}

TEST_CASE("plug-ins of all files are found before main, sorted by name", "[config]") {
  const auto plugins = shapes().plugins();
  REQUIRE(plugins.size() == 5);
  CHECK(plugins[0]->name == "copy");
  CHECK(plugins[1]->name == "point");
  CHECK(plugins[2]->name == "row");
  CHECK(plugins[3]->name == "square");
  CHECK(plugins[4]->name == "twice");
  CHECK(plugins[3]->source == "Euclid, book 1");
  CHECK(shapes().entry(Node::of("point")).traits.round);
}

TEST_CASE("a choice makes its plug-in from options and parts", "[config]") {
  CHECK(shapes().make(parse("square"), {})->area() == 4);
  CHECK(shapes().make(parse("square: {side: 3}"), {.scale = 2})->area() == 36);
  CHECK(shapes().make(parse("twice: {shape: {square: {side: 3}}}"), {})->area() == 18);
}

TEST_CASE("an unknown plug-in is reported at its name, with the near one or all", "[config]") {
  CHECK_THROWS_WITH(shapes().find(parse("s: sqare").at("s")),
                    "a.yaml:1:4: s: unknown shape 'sqare'; did you mean 'square'?");
  CHECK_THROWS_WITH(
      shapes().find(parse("s: {circle: {}}").at("s")),
      "a.yaml:1:5: s: unknown shape 'circle'; known: copy, point, row, square, twice");
}

TEST_CASE("checking a choice reads its options at any depth and builds nothing", "[config]") {
  CHECK_NOTHROW(shapes().check(parse("twice")));
  CHECK_THROWS_WITH(shapes().check(parse("square: {sides: 3}")),
                    "a.yaml:1:10: square.sides: unknown key; did you mean 'side'?");
  CHECK_THROWS_WITH(shapes().check(parse("point: {side: 3}")),
                    "a.yaml:1:9: point.side: unknown key; none is known");
  CHECK_THROWS_WITH(
      shapes().check(parse("twice:\n  shape:\n    square:\n      side: -1")),
      "a.yaml:4:13: twice.shape.square.side: expected a number in [0, 100], found '-1'");
  CHECK_THROWS_WITH(shapes().check(parse("twice: {shape: circel}")),
                    "a.yaml:1:16: twice.shape: unknown shape 'circel'; known: copy, point, "
                    "row, square, twice");
}

TEST_CASE("a choice without default must be made, and a misspelled key is named first",
          "[config]") {
  CHECK_THROWS_WITH(shapes().check(parse("copy: {}")), "a.yaml:1:7: copy: missing key 'of'");
  CHECK_THROWS_WITH(shapes().check(parse("copy: {off: point}")),
                    "a.yaml:1:8: copy.off: unknown key; did you mean 'of'?");
  CHECK(shapes().make(parse("copy: {of: point}"), {})->area() == 0);
}

TEST_CASE("a written choice shows all defaults, at any depth", "[config]") {
  CHECK(shapes().write(parse("square"), 0) == "square:\n  side: 2\n");
  CHECK(shapes().write(parse("point"), 2) == "  point: {}\n");
  const std::string nested =
      "  twice:\n"
      "    shape:\n"
      "      square:\n"
      "        side: 2\n";
  CHECK(shapes().write(parse("twice"), 2) == nested);
  CHECK(shapes().write(parse("s:\n" + nested).at("s"), 2) == nested);
}

TEST_CASE("a list of choices is made, checked and written item by item", "[config]") {
  const Node row = parse("row: {shapes: [square, {square: {side: 3}}]}");
  CHECK(shapes().make(row, {})->area() == 13);
  const std::string written =
      "row:\n"
      "  shapes:\n"
      "    - square:\n"
      "        side: 2\n"
      "    - square:\n"
      "        side: 3\n";
  CHECK(shapes().write(row, 0) == written);
  CHECK(shapes().write(parse(written), 0) == written);
  CHECK(shapes().write(parse("row"), 0) == "row:\n  shapes: []\n");
  CHECK_THROWS_WITH(shapes().check(parse("row: {shapes: [square, {square: {side: -1}}]}")),
                    "a.yaml:1:40: row.shapes.1.square.side: expected a number in [0, 100], found "
                    "'-1'");
  CHECK(config::describe_fields(shapes().find(Node::of("row")).describe).at(0).type ==
        "list of shapes");
}

TEST_CASE("registries are found by kind", "[config]") {
  CHECK(&Catalogue::of("shape") == &shapes());
  CHECK_THROWS_AS(Catalogue::of("shap"), InternalError);
  CHECK_THROWS_WITH(Catalogue::of("shap"), Contains("no registry of kind 'shap'; known: "));
  const auto all = Catalogue::all();
  CHECK(std::count(all.begin(), all.end(), &shapes()) == 1);
}

TEST_CASE("two plug-ins of one name are our mistake", "[config]") {
  CHECK_THROWS_WITH((Register<Shape, Point>{"point", "again", "baseline"}),
                    "two plug-ins of kind 'shape' are named 'point'");
  CHECK(shapes().plugins().size() == 5);
}

TEST_CASE("two registries of one kind are our mistake, and one that is gone is forgotten",
          "[config]") {
  class Empty final : public Catalogue {
   public:
    using Catalogue::Catalogue;
    [[nodiscard]] std::vector<const PluginInfo*> plugins() const override { return {}; }
  };
  CHECK_THROWS_WITH(Empty("shape"), Contains("a second registry of kind 'shape'"));
  {
    const Empty empty("fleeting");
    CHECK(&Catalogue::of("fleeting") == &empty);
    CHECK_THROWS_WITH(empty.find(Node::of("x")), "unknown fleeting 'x'; none is known");
  }
  CHECK_THROWS_AS(Catalogue::of("fleeting"), InternalError);
}

TEST_CASE("a plug-in describes its options", "[config]") {
  const auto rows = config::describe_fields(shapes().find(Node::of("twice")).describe);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].key == "shape");
  CHECK(rows[0].type == "shape");
  CHECK(rows[0].value == "square");
  const auto required = config::describe_fields(shapes().find(Node::of("copy")).describe);
  CHECK(required.at(0).value == "(required)");
}

}  // namespace
}  // namespace cl
