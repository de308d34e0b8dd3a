// Who may include whom: the map of the house, as the compiler sees it.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/architecture/source_tree.h"
#include "tests/support/catch.h"

namespace cl::architecture {
namespace {

/// What files of a part may include besides their own part.
const std::map<std::string, std::set<std::string>>& allowed() {
  static const std::set<std::string> kCore{
      "core/base",   "core/config", "core/metrics", "core/io",       "core/data",  "core/weights",
      "core/stream", "core/nn",     "core/train",   "core/features", "core/merge", "core/learner"};
  const auto with_core = [](std::set<std::string> others) {
    others.insert(kCore.begin(), kCore.end());
    return others;
  };
  static const std::map<std::string, std::set<std::string>> kEdges{
      {"core/base", {}},
      {"core/config", {"core/base"}},
      {"core/metrics", {"core/base", "core/config"}},
      {"core/io", {"core/base", "core/config", "core/metrics"}},
      {"core/data", {"core/base", "core/config"}},
      {"core/weights", {"core/base", "core/config", "core/io"}},
      {"core/stream", {"core/base", "core/config", "core/data"}},
      {"core/nn", {"core/base", "core/config", "core/data", "core/weights", "core/stream"}},
      {"core/train",
       {"core/base", "core/config", "core/metrics", "core/data", "core/weights", "core/stream",
        "core/nn"}},
      {"core/features",
       {"core/base", "core/config", "core/metrics", "core/data", "core/weights", "core/stream",
        "core/nn", "core/train"}},
      {"core/merge", {"core/base", "core/config", "core/weights", "core/nn"}},
      {"core/learner", kCore},
      {"learners", kCore},
      {"streams",
       {"core/base", "core/config", "core/io", "core/data", "core/weights", "core/stream"}},
      {"experiments", with_core({})},
      {"analysis", {"core/base", "core/config", "core/metrics", "core/io"}},
      {"experiments/cli/front",
       {"core/base", "core/config", "core/metrics", "core/io", "analysis"}},
      {"experiments/cli", with_core({"experiments", "experiments/cli/front", "analysis"})}};
  return kEdges;
}

/// "core/nn" for core/nn/vit/block.h, "learners" for learners/sema/scan.h.
std::string part_of(const std::string& path) {
  if (path.starts_with("experiments/cli/front/")) return "experiments/cli/front";
  if (path.starts_with("experiments/cli/")) return "experiments/cli";
  const size_t first = path.find('/');
  if (!path.starts_with("core/")) return path.substr(0, first);
  return path.substr(0, path.find('/', first + 1));
}

// With these parts every file is read at a fraction of the cost of one that knows LibTorch.
const std::set<std::string> kTorchFree{"core/base", "core/config", "core/metrics",
                                       "core/io",   "analysis",    "experiments/cli/front"};

bool is_torch(const std::string& header) {
  return header.starts_with("ATen/") || header.starts_with("c10/") || header.starts_with("torch/");
}

}  // namespace

TEST_CASE("no file includes a part of the house that lies above or beside its own",
          "[architecture]") {
  for (const SourceFile& file : source_files()) {
    const std::string part = part_of(file.path);
    if (part == "tests") continue;
    const auto may = allowed().find(part);
    INFO(file.path);
    REQUIRE(may != allowed().end());
    for (const Include& include : includes(file)) {
      if (!include.is_ours) continue;
      const std::string target = part_of(include.target);
      INFO("line " << include.line << " includes " << include.target);
      CHECK((target == part || may->second.contains(target)));
    }
  }
}

TEST_CASE("one plug-in does not include another", "[architecture]") {
  for (const SourceFile& file : source_files()) {
    const std::string part = part_of(file.path);
    if (part != "learners" && part != "streams") continue;
    const std::string folder = file.path.substr(0, file.path.rfind('/'));
    for (const Include& include : includes(file)) {
      if (!include.is_ours || part_of(include.target) != part) continue;
      INFO(file.path << " includes " << include.target);
      CHECK((folder != part && include.target.starts_with(folder + "/")));
    }
  }
}

TEST_CASE("the torch-free parts do not include LibTorch", "[architecture]") {
  for (const SourceFile& file : source_files()) {
    if (!kTorchFree.contains(part_of(file.path))) continue;
    for (const Include& include : includes(file)) {
      INFO(file.path << ":" << include.line << " includes " << include.target);
      CHECK_FALSE(is_torch(include.target));
    }
  }
}

TEST_CASE("no file includes a header that pulls in all of LibTorch", "[architecture]") {
  const std::set<std::string> heavy{"torch/torch.h",   "torch/types.h",     "torch/all.h",
                                    "torch/script.h",  "torch/extension.h", "ATen/ATen.h",
                                    "ATen/Functions.h"};
  for (const SourceFile& file : source_files()) {
    for (const Include& include : includes(file)) {
      INFO(file.path << ":" << include.line << " includes " << include.target);
      CHECK_FALSE(heavy.contains(include.target));
      CHECK_FALSE(include.target.starts_with("torch/nn"));
      if (include.target.starts_with("torch/optim")) CHECK(file.path == "core/train/optimiser.cc");
    }
  }
}

TEST_CASE("nothing but the tests includes the command line or a test", "[architecture]") {
  for (const SourceFile& file : source_files()) {
    if (part_of(file.path) == "tests" || part_of(file.path).starts_with("experiments/cli"))
      continue;
    for (const Include& include : includes(file)) {
      INFO(file.path << " includes " << include.target);
      CHECK_FALSE(include.target.starts_with("experiments/cli/"));
      CHECK_FALSE(include.target.starts_with("tests/"));
    }
  }
}

TEST_CASE("every header is included by some other file", "[architecture]") {
  std::set<std::string> included;
  for (const SourceFile& file : source_files()) {
    for (const Include& include : includes(file)) {
      if (include.target != file.path) included.insert(include.target);
    }
  }
  for (const SourceFile& file : source_files()) {
    INFO(file.path);
    if (file.is_header()) CHECK(included.contains(file.path));
  }
}

TEST_CASE("every include in quotes names a file of ours from the root", "[architecture]") {
  std::set<std::string> paths{"experiments/source_version.h"};  // made by the build
  for (const SourceFile& file : source_files()) paths.insert(file.path);
  for (const SourceFile& file : source_files()) {
    for (const Include& include : includes(file)) {
      INFO(file.path << ":" << include.line << " includes " << include.target);
      if (include.is_ours) CHECK(paths.contains(include.target));
    }
  }
}

}  // namespace cl::architecture
