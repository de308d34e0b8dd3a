#include <string>

#include "core/config/node.h"
#include "tests/support/catch.h"

namespace cl::config {
namespace {

std::string place(const SourceLocation& where) {
  return where.file + ":" + std::to_string(where.line) + ":" + std::to_string(where.column);
}

const char* const kSuite =
    "suite: first\n"          // 1
    "learner:\n"              // 2
    "  sema:\n"               // 3
    "    bottleneck: 48\n"    // 4
    "    router:\n"           // 5
    "seeds: [3, '4']\n"       // 6
    "stream: split_images\n"  // 7
    "axes:\n"                 // 8
    "- x: 1\n"                // 9
    "- 2\n";                  // 10

TEST_CASE("every value knows its dotted path and where it starts", "[config]") {
  const Node root = Node::parse(kSuite, "a.yaml", "suites");
  CHECK(root.path().empty());
  CHECK(place(root.where()) == "a.yaml:1:1");

  const Node bottleneck = root.at("learner").at("sema").at("bottleneck");
  CHECK(bottleneck.scalar() == "48");
  CHECK(bottleneck.path() == "learner.sema.bottleneck");
  CHECK(place(bottleneck.where()) == "a.yaml:4:17");
  CHECK(bottleneck.folder() == "suites");

  const auto seeds = root.at("seeds").items();
  REQUIRE(seeds.size() == 2);
  CHECK(seeds[1].path() == "seeds.1");
  CHECK(place(seeds[1].where()) == "a.yaml:6:12");
  CHECK(seeds[1].is_quoted());
  CHECK_FALSE(seeds[0].is_quoted());

  const Node x = root.at("axes").items()[0].at("x");
  CHECK(x.path() == "axes.0.x");
  CHECK(place(x.where()) == "a.yaml:9:6");
}

TEST_CASE("a key without a value is a null at the key", "[config]") {
  const Node router = Node::parse(kSuite, "a.yaml").at("learner").at("sema").at("router");
  CHECK(router.is_null());
  CHECK(place(router.where()) == "a.yaml:5:5");
  CHECK(router.entries().empty());
}

TEST_CASE("entries keep the order of the file and the places of their keys", "[config]") {
  const auto entries = Node::parse(kSuite, "a.yaml").entries();
  REQUIRE(entries.size() == 5);
  CHECK(entries[0].key == "suite");
  CHECK(entries[1].key == "learner");
  CHECK(place(entries[1].key_where) == "a.yaml:2:1");
  CHECK(place(entries[1].value.where()) == "a.yaml:3:3");
  CHECK(entries[4].key == "axes");
}

TEST_CASE("a node tells its kind", "[config]") {
  const Node root = Node::parse(kSuite, "a.yaml");
  CHECK(root.is_map());
  CHECK(root.at("seeds").is_sequence());
  CHECK(root.at("suite").is_scalar());
  CHECK(root.found() == "a map");
  CHECK(root.at("seeds").found() == "a list");
  CHECK(root.at("seeds").items()[0].found() == "'3'");
  CHECK(root.at("seeds").items()[1].found() == "the text '4'");
  CHECK(Node().found() == "nothing");
  CHECK(Node::of(std::string(61, 'a')).found() == "'" + std::string(60, 'a') + "...'");
}

TEST_CASE("asking a node for what it is not names place and path", "[config]") {
  const Node root = Node::parse(kSuite, "a.yaml");
  CHECK_THROWS_WITH(root.at("laerner"), "a.yaml:1:1: missing key 'laerner'");
  CHECK_THROWS_WITH(root.at("learner").at("x"), "a.yaml:3:3: learner: missing key 'x'");
  CHECK_THROWS_WITH(root.at("suite").at("x"),
                    "a.yaml:1:8: suite: expected a map with the key 'x', found 'first'");
  CHECK_THROWS_WITH(root.at("seeds").scalar(),
                    "a.yaml:6:8: seeds: expected a single value, found a list");
  CHECK_THROWS_WITH(root.at("learner").items(),
                    "a.yaml:3:3: learner: expected a list, found a map");
  CHECK_THROWS_WITH(root.at("seeds").entries(), "a.yaml:6:8: seeds: expected a map, found a list");
  CHECK_THROWS_AS(root.at("x"), ConfigError);
}

TEST_CASE("a missing value can stand in as a null with path and place", "[config]") {
  const Node missing = Node::parse(kSuite, "a.yaml").at("learner").at_or_null("train");
  CHECK(missing.is_null());
  CHECK(missing.path() == "learner.train");
  CHECK(place(missing.where()) == "a.yaml:3:3");
  CHECK(Node::parse(kSuite, "a.yaml").at_or_null("suite").scalar() == "first");
}

TEST_CASE("a node built in code has no place", "[config]") {
  const Node name = Node::of("sema");
  CHECK(name.scalar() == "sema");
  CHECK(name.where().line == 0);
  CHECK_THROWS_WITH(name.fail("bad"), "bad");
  CHECK(Node().is_null());
}

TEST_CASE("contains is true for the keys of a map only", "[config]") {
  const Node root = Node::parse(kSuite, "a.yaml");
  CHECK(root.contains("seeds"));
  CHECK_FALSE(root.contains("seed"));
  CHECK_FALSE(root.at("seeds").contains(""));
  CHECK_FALSE(Node().contains("seeds"));
}

TEST_CASE("with replaces one value and leaves the original and all other places alone",
          "[config]") {
  const Node root = Node::parse(kSuite, "a.yaml", "suites");
  const Node sweep = Node::parse("\n\n  - 8\n", "b.yaml", "sweeps").items()[0];
  const Node changed = root.with("learner.sema.bottleneck", sweep);

  const Node value = changed.at("learner").at("sema").at("bottleneck");
  CHECK(value.scalar() == "8");
  CHECK(value.path() == "learner.sema.bottleneck");
  CHECK(place(value.where()) == "b.yaml:3:5");
  CHECK(value.folder() == "sweeps");

  CHECK(root.at("learner").at("sema").at("bottleneck").scalar() == "48");
  CHECK(changed.entries().size() == 5);
  CHECK(place(changed.at("learner").at("sema").entries()[0].key_where) == "a.yaml:4:5");
  CHECK(place(changed.at("learner").at("sema").at("router").where()) == "a.yaml:5:5");
  CHECK(place(changed.at("axes").items()[0].at("x").where()) == "a.yaml:9:6");
  CHECK(changed.at("axes").folder() == "suites");
}

TEST_CASE("with creates the maps that are missing on the way", "[config]") {
  const Node root = Node::parse(kSuite, "a.yaml");
  const Node value = Node::parse("0.1", "b.yaml");
  CHECK(root.with("train.lr", value).at("train").at("lr").scalar() == "0.1");
  CHECK(root.with("learner.sema.router.top.k", value)
            .at("learner")
            .at("sema")
            .at("router")
            .at("top")
            .at("k")
            .path() == "learner.sema.router.top.k");
  CHECK(Node().with("a.b", value).at("a").at("b").scalar() == "0.1");
  CHECK(Node().with("a", Node()).at("a").is_null());
}

TEST_CASE("with opens a plug-in choice of the same name", "[config]") {
  const Node root = Node::parse(kSuite, "a.yaml");
  const Node changed = root.with("stream.split_images.experiences", Node::of("5"));
  CHECK(changed.at("stream").at("split_images").at("experiences").scalar() == "5");
  CHECK(place(changed.at("stream").entries()[0].key_where) == "a.yaml:7:9");
}

TEST_CASE("with refuses a path through what is no map", "[config]") {
  const Node root = Node::parse(kSuite, "a.yaml");
  const Node value = Node::parse("1", "b.yaml");
  CHECK_THROWS_WITH(root.with("stream.blobs.dim", value),
                    "a.yaml:7:9: stream: expected a map to set 'blobs.dim' in, found "
                    "'split_images'");
  CHECK_THROWS_WITH(root.with("seeds.0", value),
                    "a.yaml:6:8: seeds: expected a map to set '0' in, found a list");
  CHECK_THROWS_WITH(root.with("learner.sema.bottleneck.x", value),
                    "a.yaml:4:17: learner.sema.bottleneck: expected a map to set 'x' in, found "
                    "'48'");
  CHECK_THROWS_WITH(root.with("learner..x", value),
                    "b.yaml:1:1: learner: empty part in the path '.x'");
  CHECK_THROWS_WITH(root.with("", value), "b.yaml:1:1: empty part in the path ''");
}

TEST_CASE("with refuses a path deeper than any option", "[config]") {
  const Node value = Node::parse("1", "b.yaml");
  const auto path = [](size_t parts) {
    std::string text = "a";
    for (size_t i = 1; i < parts; ++i) text += ".a";
    return text;
  };
  CHECK(Node().with(path(100), value).at("a").at("a").is_map());
  CHECK_THROWS_WITH(Node().with(path(101), value),
                    StartsWith("b.yaml:1:1: a path of 101 parts, 'a.a.a.") &&
                        EndsWith("...'; expected at most 100"));
  CHECK_THROWS_WITH(Node().with(path(20'000), value), Contains("a path of 20000 parts"));
}

TEST_CASE("a choice is a name or a name with options", "[config]") {
  const Choice bare = choice(Node::parse("learner: sema", "a.yaml").at("learner"));
  CHECK(bare.name == "sema");
  CHECK(bare.options.is_null());
  CHECK(bare.options.path() == "learner.sema");
  CHECK(place(bare.options.where()) == "a.yaml:1:10");

  const Choice full = choice(Node::parse("learner: {sema: {k: 1}}", "a.yaml").at("learner"));
  CHECK(full.name == "sema");
  CHECK(place(full.where) == "a.yaml:1:11");
  CHECK(full.options.at("k").path() == "learner.sema.k");

  CHECK(choice(Node::parse("sema:", "a.yaml")).options.is_null());
}

TEST_CASE("what is no choice is refused where it stands", "[config]") {
  const auto choose = [](const char* text) { return choice(Node::parse(text, "a.yaml").at("l")); };
  CHECK_THROWS_WITH(choose("l: [sema]"),
                    "a.yaml:1:4: l: expected 'name' or 'name: {options}', found a list");
  CHECK_THROWS_WITH(choose("l:"),
                    "a.yaml:1:1: l: expected 'name' or 'name: {options}', found nothing");
  CHECK_THROWS_WITH(choose("l: {}"),
                    "a.yaml:1:4: l: expected 'name' or 'name: {options}', found a map");
  CHECK_THROWS_WITH(choose("l: ''"),
                    "a.yaml:1:4: l: expected 'name' or 'name: {options}', found the text ''");
  CHECK_THROWS_WITH(choose("l: {sema: 3}"),
                    "a.yaml:1:11: l.sema: expected a map of options, found '3'");
  CHECK_THROWS_WITH(choose("l:\n  sema:\n  k: 1"),
                    "a.yaml:3:3: l: expected one choice, found 'k' after 'sema'; options stand "
                    "below the name, indented");
}

}  // namespace
}  // namespace cl::config
