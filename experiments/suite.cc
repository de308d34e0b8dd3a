#include "experiments/suite.h"

#include <map>
#include <utility>

#include <fmt/format.h>

namespace cl::experiments {

Suite load_suite(const std::filesystem::path& file, const std::vector<Override>& overrides) {
  const config::Node root = config::Node::load(file);
  Suite suite;
  std::map<std::string, std::string> labels;  // by id
  for (Point& point : expand(root, overrides)) {
    RunSpec spec = read_run_spec(point.suite);
    spec.label = std::move(point.label);
    const auto [same, is_new] = labels.emplace(spec.id(), spec.label);
    if (!is_new) {
      root.at("sweep").fail(fmt::format("the runs '{}' and '{}' are the same; remove one of them",
                                        same->second, spec.label));
    }
    suite.runs.push_back(std::move(spec));
  }
  suite.name = suite.runs.front().suite;
  // One number rules the threads of the whole process.
  for (const RunSpec& spec : suite.runs) {
    if (spec.settings.threads != suite.runs.front().settings.threads) {
      root.at("sweep").fail(
          "threads cannot differ between the runs of a suite: they are set once "
          "for the whole process");
    }
  }
  return suite;
}

}  // namespace cl::experiments
