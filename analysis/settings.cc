#include "analysis/settings.h"

#include <set>

#include <fmt/format.h>

#include "core/config/node.h"
#include "core/config/scalar.h"

namespace cl::analysis {
namespace {

void flatten(const config::Node& node, const std::string& path, Options& options) {
  if (!node.is_map()) {
    options[path] = config::write_flow(node);
    return;
  }
  for (const auto& [key, where, value] : node.entries()) {
    flatten(value, path.empty() ? key : fmt::format("{}.{}", path, key), options);
  }
}

}  // namespace

Settings settings(const RunRecord& run) {
  Settings result;
  const config::Node spec = config::Node::parse(run.spec, "spec of run " + run.id);
  for (const auto& [key, where, value] : spec.entries()) {
    if (key == "learner") {
      flatten(config::choice(value).options, "", result.method);
    } else if (key != "seeds") {
      flatten(value, key, result.problem);
    }
  }
  return result;
}

std::vector<std::string> differences(const std::vector<Options>& all) {
  std::map<std::string, std::set<std::string>> values;  // absent counts as a value of its own
  for (const Options& options : all) {
    for (const auto& [path, value] : options) values[path];
  }
  for (auto& [path, found] : values) {
    for (const Options& options : all) {
      const auto place = options.find(path);
      found.insert(place == options.end() ? std::string() : "=" + place->second);
    }
  }
  std::vector<std::string> result;
  for (const Options& options : all) {
    std::string text;
    for (const auto& [path, value] : options) {
      if (values[path].size() < 2) continue;
      text += fmt::format("{}{}={}", text.empty() ? "" : ", ", path, value);
    }
    result.push_back(text);
  }
  return result;
}

}  // namespace cl::analysis
