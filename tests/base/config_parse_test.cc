#include <string>

#include "core/config/node.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl::config {
namespace {

std::string problem(const std::string& text) {
  try {
    (void)Node::parse(text, "a.yaml");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("duplicate keys are refused at the second one", "[config]") {
  CHECK(problem("a: 1\nb: 2\na: 3\n") == "a.yaml:3:1: a: duplicate key; first at line 1");
  CHECK(problem("a:\n  - x: 1\n    'x': 2\n") ==
        "a.yaml:3:5: a.0.x: duplicate key; first at line 2");
  CHECK(problem("a: {b: 1}\nc: {b: 1}\n") == "accepted");
}

TEST_CASE("what would make one value stand in two places is refused", "[config]") {
  CHECK(problem("a: 1\nb:\n  <<: {c: 2}\n") ==
        "a.yaml:3:3: b.<<: merge keys are not supported; write the values out");
  CHECK(problem("a: &x 1\n") == "a.yaml:1:4: a: anchors are not supported; write the value out");
  CHECK(problem("a: [1, &x {b: 1}]\n") ==
        "a.yaml:1:8: a.1: anchors are not supported; write the value out");
  CHECK(problem("a: *x\n") == "a.yaml:1:4: the referenced anchor is not defined");
}

TEST_CASE("tags are refused", "[config]") {
  CHECK(problem("a: !!int 3\n") ==
        "a.yaml:1:4: a: tags are not supported; remove 'tag:yaml.org,2002:int'");
  CHECK(problem("a: !mine {b: 1}\n") == "a.yaml:1:4: a: tags are not supported; remove '!mine'");
}

TEST_CASE("keys are plain text", "[config]") {
  CHECK(problem("a: 1\n? [b]\n: 2\n") ==
        "a.yaml:2:3: expected a key, found a list (or a bracket that is never closed)");
  CHECK(problem("{a: 1\n") ==
        "a.yaml:1:1: expected a key, found a map (or a bracket that is never closed)");
  CHECK(problem("~: 1\n") == "a.yaml:1:1: expected a key, found nothing");
  CHECK(problem("a: {'': 1}\n") == "a.yaml:1:5: a: empty key");
}

TEST_CASE("a file holds one document", "[config]") {
  CHECK(problem("a: 1\n---\nb: 2\n") == "a.yaml:2:1: text after the end of the only document");
  CHECK(problem("[1, 2] 3\n") == "a.yaml:1:8: text after the end of the only document");
  CHECK(problem("---\na: 1\n...\n") == "accepted");
  CHECK(problem("a: 1\n...\n...\n# end") == "accepted");
}

TEST_CASE("malformed YAML is a configuration error with its place", "[config]") {
  CHECK(problem("a: 1\nb: c: d\n") == "a.yaml:2:5: illegal map value");
  CHECK(problem("a: [1, 2\nb: 3\n") == "a.yaml:2:2: end of sequence flow not found");
  CHECK_THAT(problem("a: \"\\q\"\n"), StartsWith("a.yaml:1:7: unknown escape character"));
  CHECK_THAT(problem(std::string(2000, '[')), StartsWith("a.yaml:1:"));
}

TEST_CASE("a quote that is never closed does not swallow the rest of the file", "[config]") {
  CHECK(problem("a: \"x\nb: 2\n") == "a.yaml:3:1: the text ends inside quotes");
  CHECK(problem("a: 'x\nb: 2") == "a.yaml:3:1: the text ends inside quotes");
  CHECK(problem("a: \"x") == "a.yaml:2:1: the text ends inside quotes");
}

TEST_CASE("block texts keep their line ends as YAML says", "[config]") {
  const Node root = Node::parse("a: |\n  x\n  y\nb: >-\n  x\n  y\nc: |+\n  x\n\n", "a.yaml");
  CHECK(root.at("a").scalar() == "x\ny\n");
  CHECK(root.at("b").scalar() == "x y");
  CHECK(root.at("c").scalar() == "x\n\n");
  CHECK(root.at("a").is_quoted());
}

TEST_CASE("a text nested deeper than any option is refused where it gets too deep", "[config]") {
  const auto lists = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(problem(lists(100)) == "accepted");
  CHECK_THAT(problem(lists(101)),
             StartsWith("a.yaml:1:101: 0.0.") && EndsWith(": nested more than 100 levels deep"));
  std::string maps;
  for (size_t depth = 0; depth < 100; ++depth) maps += std::string(depth, ' ') + "a:\n";
  CHECK(problem(maps) == "accepted");
  CHECK_THAT(problem(maps + std::string(100, ' ') + "a: 1\n"),
             StartsWith("a.yaml:101:101: a.a.a") && EndsWith("nested more than 100 levels deep"));
}

TEST_CASE("characters that no text holds are refused with their line", "[config]") {
  const std::string nul(1, '\0');
  CHECK(problem("a: 1\nb: x" + nul + "y\n") ==
        "a.yaml:2:5: a NUL character; expected text in UTF-8");
  CHECK(problem(nul) == "a.yaml:1:1: a NUL character; expected text in UTF-8");
  // yaml-cpp takes this one for the end of the file.
  CHECK(problem("a: 1\n\x04\nb: 2\n") ==
        "a.yaml:2:1: a control character (0x04); expected text in UTF-8");
  CHECK(problem("a: 1 # \x1b[2J\n") ==
        "a.yaml:1:8: a control character (0x1b); expected text in UTF-8");
  CHECK(problem("a: 1\nb: caf\xe9\n") ==
        "a.yaml:2:1: this line is no UTF-8, which a YAML file has to be");
  CHECK(problem("a: \"x\\0\"\n") == "a.yaml:1:4: a: a NUL character, which no option takes");
  CHECK(problem("{\"x\\0\": 1}\n") == "a.yaml:1:2: a NUL character, which no option takes");
  CHECK(problem("\xef\xbb\xbf"
                "a:\t'caf\xc3\xa9'\r\n") == "accepted");
}

TEST_CASE("a hundred thousand keys are read, and a repeated one among them found", "[config]") {
  constexpr int kKeys = 100'000;
  std::string text;
  for (int i = 0; i < kKeys; ++i) text += "k" + std::to_string(i) + ": " + std::to_string(i) + "\n";
  const Node root = Node::parse(text, "a.yaml");
  const auto entries = root.entries();
  REQUIRE(entries.size() == kKeys);
  CHECK(entries.back().value.scalar() == "99999");
  CHECK(problem(text + "k77777: 0\n") ==
        "a.yaml:100001:1: k77777: duplicate key; first at line 77778");
}

TEST_CASE("an empty file is a null", "[config]") {
  for (const char* text : {"", "\n", "# only a comment\n", "# comment", "---\n", "---", "...\n"}) {
    INFO("text: " << text);
    CHECK(Node::parse(text, "a.yaml").is_null());
  }
  CHECK_THROWS_WITH(Node::parse("", "a.yaml").at("suite"), "a.yaml:1:1: missing key 'suite'");
}

TEST_CASE("a file with the line ends of Windows reads the same", "[config]") {
  const Node root = Node::parse("a: 1\r\nb: two\r\n", "a.yaml");
  CHECK(root.at("b").scalar() == "two");
  CHECK(root.at("b").where().line == 2);
}

TEST_CASE("a file is loaded with its own folder", "[config]") {
  const TempDir dir;
  const auto file = dir.write("suites/a.yaml", "a: 1\nb: {\n");
  CHECK_THROWS_AS(Node::load(file), ConfigError);
  CHECK_THROWS_WITH(Node::load(file), StartsWith(file.string() + ":"));

  const Node root = Node::load(dir.write("suites/b.yaml", "a: 1\n"));
  CHECK(root.at("a").folder() == dir / "suites");
  CHECK(root.at("a").where().file == (dir / "suites/b.yaml").string());
}

TEST_CASE("a file that cannot be read is an error of the world, not of the configuration",
          "[config]") {
  const TempDir dir;
  const auto missing = dir / "none.yaml";
  CHECK_THROWS_WITH(Node::load(missing),
                    "cannot read '" + missing.string() + "': No such file or directory");
  CHECK_THROWS_WITH(Node::load(dir.path()),
                    "cannot read '" + dir.path().string() + "': Is a directory");
  try {
    (void)Node::load(missing);
  } catch (const Error& error) {
    CHECK(dynamic_cast<const ConfigError*>(&error) == nullptr);
  }
}

}  // namespace
}  // namespace cl::config
