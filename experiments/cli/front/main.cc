// clsim: answers what needs no LibTorch, whose loading takes longer than the answer, and passes all
// else to its engine.
#include <algorithm>
#include <array>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "experiments/cli/front/command_line.h"
#include "experiments/cli/front/engine.h"
#include "experiments/cli/front/engine_texts.h"
#include "experiments/cli/front/help.h"
#include "experiments/cli/front/verbs.h"

namespace cl::experiments::cli {
namespace {

constexpr std::array<std::string_view, 4> kOwnVerbs{"list", "plot", "show", "table"};

bool is_own(const std::vector<std::string>& words) {
  return !words.empty() &&
         std::find(kOwnVerbs.begin(), kOwnVerbs.end(), words.front()) != kOwnVerbs.end();
}

/// The help or the version, where `words` ask for one that the engine gave.
std::optional<std::string> text_for(const std::vector<std::string>& words, const EngineTexts& texts,
                                    const std::string& program) {
  if (words == std::vector<std::string>{"--version"}) return texts.version + "\n";
  std::string verb;
  if (!asks_for_help(words, verb)) return std::nullopt;
  for (const HelpText& help : texts.help) {
    if (help.verb != verb) continue;
    std::string text = help.text;
    for (size_t at = 0; (at = text.find(kNamelessProgram, at)) != std::string::npos;) {
      text.replace(at, kNamelessProgram.size(), program);
      at += program.size();
    }
    return text;
  }
  return std::nullopt;
}

void add_own_verbs(CLI::App& app, Action& chosen, const EngineTexts& texts) {
  add_list(app, chosen, [&texts] { return texts.kinds; });
  add_plot(app, chosen);
  add_show(app, chosen);
  add_table(app, chosen);
}

int front(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const EngineTexts texts = read_engine_texts(engine_texts_json());
  const std::optional<std::string> text = text_for(words, texts, argv[0]);
  std::string problem;
  if (!text && !is_own(words)) problem = become_engine(argv, texts.version);
  const auto act = [&]() -> int {
    if (!problem.empty()) throw Error(problem);
    if (!text) {
      return parse_and_act(
          argc, argv, [&](CLI::App& app, Action& chosen) { add_own_verbs(app, chosen, texts); },
          [&] { return texts.version; });
    }
    std::cout << *text;
    return kFine;
  };
  return guarded(act, [](const std::exception& error) { return std::string(error.what()); });
}

}  // namespace
}  // namespace cl::experiments::cli

int main(int argc, char** argv) {
  return cl::experiments::cli::front(argc, argv);
}
