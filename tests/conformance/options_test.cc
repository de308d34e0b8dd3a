// What every plug-in of every kind promises about its options.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "core/config/describe.h"
#include "tests/conformance/world.h"

namespace cl::conformance {
namespace {

/// A number outside of "[min, max]", ">= min" or "<= max".
std::string outside(const std::string& range) {
  const size_t first = range.find_first_of("-0123456789");
  REQUIRE(first != std::string::npos);
  double bound = 0;
  std::from_chars(range.data() + first, range.data() + range.size(), bound);
  return fmt::format("{}", range.starts_with("<=") ? bound + 1 : bound - 1);
}

/// `plugin: {a: {b: value}}`, the value alone on the last line; @return its line as well
std::pair<std::string, int> choice_with(const std::string& plugin, const std::string& dotted_key,
                                        const std::string& value) {
  std::string text = plugin + ":";
  int line = 1;
  size_t begin = 0;
  while (begin != std::string::npos) {
    const size_t end = dotted_key.find('.', begin);
    const std::string part = dotted_key.substr(begin, end - begin);
    text += fmt::format("\n{:{}}{}:", "", 2 * line, part);
    ++line;
    begin = end == std::string::npos ? end : end + 1;
  }
  return {text + " " + value + "\n", line};
}

/// Whether there is no plug-in of that name alone.
bool requires_options(const PluginInfo& plugin) {
  const auto rows = config::describe_fields(plugin.describe);
  return std::any_of(rows.begin(), rows.end(),
                     [](const config::OptionRow& row) { return row.value == "(required)"; });
}

TEST_CASE("the options of a plug-in survive being written and read", "[conformance][options]") {
  for (const Catalogue* catalogue : Catalogue::all()) {
    for (const PluginInfo* plugin : catalogue->plugins()) {
      INFO(catalogue->kind() << " " << plugin->name);
      if (requires_options(*plugin)) continue;
      const std::string written = catalogue->write(shortest(plugin->name), 0);
      const auto read = config::Node::parse(written, "conformance.yaml");
      CHECK_NOTHROW(catalogue->check(read));
      CHECK(catalogue->write(read, 0) == written);
    }
  }
}

TEST_CASE("an option out of range is an error of the user's, with its line",
          "[conformance][options]") {
  int checked = 0;
  for (const Catalogue* catalogue : Catalogue::all()) {
    for (const PluginInfo* plugin : catalogue->plugins()) {
      for (const config::OptionRow& row : config::describe_fields(plugin->describe)) {
        if (row.range.empty()) continue;
        std::string value = outside(row.range);
        if (row.type.starts_with("list")) value = "[" + value + "]";
        const auto [text, line] = choice_with(plugin->name, row.key, value);
        INFO(catalogue->kind() << " " << text);
        CHECK_THROWS_WITH(catalogue->check(config::Node::parse(text, "conformance.yaml")),
                          Contains(fmt::format("conformance.yaml:{}:", line)));
        ++checked;
      }
    }
  }
  CHECK(checked > 20);
}

TEST_CASE("every option and plug-in says what it is", "[conformance][options]") {
  for (const Catalogue* catalogue : Catalogue::all()) {
    for (const PluginInfo* plugin : catalogue->plugins()) {
      INFO(catalogue->kind() << " " << plugin->name);
      CHECK_FALSE(plugin->summary.empty());
      CHECK_FALSE(plugin->source.empty());
      for (const config::OptionRow& row : config::describe_fields(plugin->describe)) {
        INFO(row.key);
        CHECK_FALSE(row.doc.empty());
      }
    }
  }
}

TEST_CASE("an unknown option is refused by name", "[conformance][options]") {
  for (const Catalogue* catalogue : Catalogue::all()) {
    for (const PluginInfo* plugin : catalogue->plugins()) {
      INFO(catalogue->kind() << " " << plugin->name);
      const auto node =
          config::Node::parse(plugin->name + ": {no_such_option: 1}", "conformance.yaml");
      CHECK_THROWS_WITH(catalogue->check(node), Contains("no_such_option"));
    }
  }
}

}  // namespace
}  // namespace cl::conformance
