// clsim cache: what frozen networks computed, kept for later runs.
#include <chrono>
#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/printable.h"
#include "core/base/user_folders.h"
#include "core/features/activation_store.h"
#include "experiments/cli/verbs.h"

namespace cl::experiments::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCacheFooter =
    R"(The folder holds results of frozen networks, so that no run computes again what another
has. It can be removed at any time; 'clsim run --cache-gib N' bounds it (0: no cache), the
least recently used goes first. A file CACHEDIR.TAG in it says that it is a cache: without it
nothing in the folder is used or removed, and only a new or empty folder gets one. What is found there is what would be computed, bit for bit:
network, data, transform, machine, threads and source code of clsim are part of a file's name.
Exit codes: 0 fine, 1 a file is damaged, 2 wrong usage.)";

std::string in_mib(int64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

std::string local_time(fs::file_time_type time) {
  const auto clock = std::chrono::file_clock::to_sys(time);
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(clock));
  return fmt::format("{:%Y-%m-%d %H:%M}", fmt::localtime(seconds));
}

fs::path folder_of(const std::string& given) {
  if (const auto folder = cache_root(given)) return *folder;
  throw ConfigError(
      {}, "--cache",
      fmt::format("there is no cache: you have no home; set {} to a folder", kCacheRootVariable));
}

int list(const fs::path& folder) {
  int64_t bytes = 0;
  for (const ActivationStore::Group& group : ActivationStore::list(folder)) {
    const std::string unfinished =
        group.num_drafts > 0 ? fmt::format(" and {} unfinished", group.num_drafts) : "";
    std::cout << fmt::format("{}  {:>12} in {} file(s){}  used {}  {}\n", group.name,
                             in_mib(group.bytes), group.num_files, unfinished,
                             local_time(group.last_used),
                             printable(group.about.substr(0, group.about.find('\n'))));
    bytes += group.bytes;
  }
  std::cout << fmt::format("{}: {}\n", folder.string(), in_mib(bytes));
  return kFine;
}

int verify(const fs::path& folder) {
  const auto damages = ActivationStore::verify(folder);
  for (const ActivationStore::Damage& damage : damages) std::cout << damage.reason << '\n';
  std::cout << fmt::format("{}: {}\n", folder.string(),
                           damages.empty() ? std::string("whole")
                                           : fmt::format("{} damaged files; a run that meets one "
                                                         "removes it and computes anew",
                                                         damages.size()));
  return damages.empty() ? kFine : kSomeRunFailed;
}

int clear(const fs::path& folder) {
  std::cout << fmt::format("{}: {} freed\n", folder.string(),
                           in_mib(ActivationStore::clear(folder)));
  return kFine;
}

}  // namespace

void add_cache(CLI::App& app, Action& chosen) {
  auto given = std::make_shared<std::string>();
  CLI::App* verb =
      app.add_subcommand("cache", "Look at what frozen networks computed, or clear it");
  verb->require_subcommand(1);
  verb->footer(kCacheFooter);
  const auto add = [&](const char* name, const char* text, int (*action)(const fs::path&)) {
    CLI::App* sub = verb->add_subcommand(name, text);
    sub->add_option("--cache", *given, "default: $CLSIM_CACHE, else the user's own")
        ->type_name("DIR");
    sub->callback([&chosen, given, action] {
      chosen = [given, action] { return action(folder_of(*given)); };
    });
  };
  add("list", "What computed what, how large, and when it was used last", list);
  add("verify", "Read every file and hold it against its checksum", verify);
  add("clear", "Remove all of it but the folder", clear);
}

}  // namespace cl::experiments::cli
