#include "experiments/cli/front/engine_texts.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/check.h"

namespace cl::experiments::cli {
namespace {

constexpr std::string_view kQuote = "engine_texts";  // of a raw literal

}  // namespace

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ListedItem, name, summary, source, options)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ListedKind, name, items)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(HelpText, verb, text)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(EngineTexts, version, help, kinds)

std::string as_source(const EngineTexts& texts) {
  const std::string json = nlohmann::json(texts).dump(1);
  CL_CHECK(json.find(kQuote) == std::string::npos, "a text holds '{}'", kQuote);
  return fmt::format(R"(// Made by the build from what clsim's engine says of itself.
#include "experiments/cli/front/engine_texts.h"

std::string_view cl::experiments::cli::engine_texts_json() {{
  return R"{0}({1}){0}";
}}
)",
                     kQuote, json);
}

EngineTexts read_engine_texts(std::string_view json) {
  return nlohmann::json::parse(json).get<EngineTexts>();
}

}  // namespace cl::experiments::cli
