#include "experiments/cli/front/help.h"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/config/read.h"
#include "experiments/cli/front/verbs.h"

namespace cl::experiments::cli {
namespace {

constexpr const char* kVerb = "help";

void add_help_of(const CLI::App& app, const std::string& name, const std::string& verb,
                 std::vector<HelpText>& result) {
  // Not app.help(), which would be that of the verb that was given.
  result.push_back({verb, app.get_formatter()->make_help(&app, name, CLI::AppFormatMode::Normal)});
  for (const CLI::App* sub :
       app.get_subcommands([](const CLI::App* one) { return !one->get_group().empty(); })) {
    add_help_of(*sub, name + " " + sub->get_name(),
                verb.empty() ? sub->get_name() : verb + " " + sub->get_name(), result);
  }
}

int help(const CLI::App& app, const std::string& verb) {
  std::vector<std::string> known;
  for (const HelpText& help : all_help(app, app.get_name())) {
    if (help.verb == verb) {
      std::cout << help.text;
      return kFine;
    }
    if (!help.verb.empty()) known.push_back(help.verb);
  }
  throw ConfigError({}, "",
                    fmt::format("unknown verb '{}'{}", verb, config::did_you_mean(verb, known)));
}

}  // namespace

std::vector<HelpText> all_help(const CLI::App& app, const std::string& name) {
  std::vector<HelpText> result;
  add_help_of(app, name, "", result);
  return result;
}

bool asks_for_help(const std::vector<std::string>& words, std::string& verb) {
  if (words.empty()) return false;
  auto begin = words.begin(), end = words.end();
  if (*begin == kVerb) {
    ++begin;
  } else if (words.back() == "--help" || words.back() == "-h") {
    --end;
  } else {
    return false;
  }
  verb = fmt::format("{}", fmt::join(begin, end, " "));
  return true;
}

void add_help(CLI::App& app, Action& chosen) {
  auto words = std::make_shared<std::vector<std::string>>();
  CLI::App* verb = app.add_subcommand(kVerb, "Say more about a verb");
  verb->add_option("verb", *words, "default: all in short")->type_name("VERB...");
  verb->callback([&app, &chosen, words] {
    chosen = [&app, words] { return help(app, fmt::format("{}", fmt::join(*words, " "))); };
  });
}

}  // namespace cl::experiments::cli
