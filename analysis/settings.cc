#include "analysis/settings.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
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
    // A choice without options of its own.
    if (!path.empty() && value.is_map() && value.entries().empty()) options[path] = key;
    flatten(value, path.empty() ? key : fmt::format("{}.{}", path, key), options);
  }
}

/// Whether there is an option at `place` or below it.
bool reaches(const Options& options, const std::string& place) {
  const auto next = options.lower_bound(place);
  if (next != options.end() && next->first == place) return true;
  const auto below = options.lower_bound(place + ".");
  return below != options.end() && below->first.starts_with(place + ".");
}

/// "adapter=lora" for adapter.lora.rank, if that is the only thing at `adapter` and some of `all`
/// have another there; else empty.
std::string choice_above(const std::string& path, const Options& options,
                         const std::vector<Options>& all) {
  for (size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', dot + 1)) {
    const size_t end = path.find('.', dot + 1);
    if (end == std::string::npos) break;
    const std::string parent = path.substr(0, dot), place = path.substr(0, end);
    const auto is_elsewhere = [&](const auto& option) {
      return option.first.starts_with(parent + ".") && !option.first.starts_with(place + ".");
    };
    const auto chose_otherwise = [&](const Options& other) {
      return reaches(other, parent) && !reaches(other, place);
    };
    if (std::none_of(options.begin(), options.end(), is_elsewhere) &&
        std::any_of(all.begin(), all.end(), chose_otherwise)) {
      return fmt::format("{}={}", parent, place.substr(dot + 1));
    }
  }
  return "";
}

}  // namespace

Settings settings(const RunRecord& run) {
  Settings result;
  const config::Node spec = config::Node::parse(run.spec, "spec of run " + run.id);
  for (const auto& [key, where, value] : spec.entries()) {
    if (key == "learner") {
      result.method = flat(config::choice(value).options);
    } else if (key != "seeds") {
      flatten(value, key, result.problem);
    }
  }
  return result;
}

bool has_random_weights(const Options& problem) {
  return std::any_of(problem.begin(), problem.end(), [](const auto& option) {
    const auto& [path, value] = option;
    // Earlier runs left the option empty for them.
    return path.starts_with("backbone.") && path.ends_with(".weights") &&
           (value == "random" || value == "\"\"");
  });
}

Options flat(const config::Node& map) {
  Options result;
  if (!map.is_null()) flatten(map, "", result);
  return result;
}

std::vector<std::string> differences(const std::vector<Options>& all) {
  std::map<std::string, std::set<std::string>> values;
  std::map<std::string, size_t> times;
  for (const Options& options : all) {
    for (const auto& [path, value] : options) {
      values[path].insert(value);
      ++times[path];
    }
  }
  std::vector<std::string> result;
  for (const Options& options : all) {
    std::vector<std::string> texts;
    for (const auto& [path, value] : options) {
      const bool differs = values[path].size() > 1;
      const std::string choice = times[path] < all.size() ? choice_above(path, options, all) : "";
      const bool is_new = std::find(texts.begin(), texts.end(), choice) == texts.end();
      if (!choice.empty() && is_new) texts.push_back(choice);
      if (differs || (choice.empty() && times[path] < all.size())) {
        texts.push_back(fmt::format("{}={}", path, value));
      }
    }
    result.push_back(fmt::format("{}", fmt::join(texts, ", ")));
  }
  return result;
}

void require_one_problem(size_t num_problems) {
  if (num_problems == 1) return;
  throw Error(
      fmt::format("these runs belong to {} problems (streams, backbones, settings), and a figure "
                  "shows one; name the run files of one of them",
                  num_problems));
}

std::vector<std::string> method_names(const std::vector<MethodKey>& methods) {
  std::vector<std::string> names;
  for (size_t first = 0, end = 0; first < methods.size(); first = end) {
    std::vector<Options> options;
    const std::string& learner = methods[first].first;
    for (; end < methods.size() && methods[end].first == learner; ++end) {
      options.push_back(methods[end].second);
    }
    for (const std::string& text : differences(options)) {
      names.push_back(text.empty() ? learner : fmt::format("{} ({})", learner, text));
    }
  }
  return names;
}

}  // namespace cl::analysis
