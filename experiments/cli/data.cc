// clsim data: bring the packages of the image sources, and look after them.
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/printable.h"
#include "core/base/user_folders.h"
#include "experiments/cli/interrupt.h"
#include "experiments/cli/verbs.h"
#include "experiments/data_packages.h"
#include "experiments/explain.h"
#include "experiments/folder_lock.h"

namespace cl::experiments::cli {
namespace {

namespace fs = std::filesystem;

struct DataOptions {
  std::string root;
  std::vector<std::string> names;
};

constexpr const char* kDataFooter =
    R"(NAME is an image source, as 'source: NAME' in a suite chooses it.

Packages come by the ordinary clients, apt-get and npm, without root's rights; each goes to
a folder of its own below DIR, with a receipt of what it holds. A Debian package that the
system has installed is not brought again. What a source draws from SVG files needs the
program rsvg-convert (Debian package librsvg2-bin).

Ctrl-C stops and leaves no half of a package.
Exit codes: 0 fine, 1 something is missing or damaged or did not come, 2 wrong command line,
130 stopped.)";

std::string name_of(const DataPackage& package) {
  return package.version.empty() ? package.name : package.name + "@" + package.version;
}

std::string_view word(PackageState state) {
  switch (state) {
    case PackageState::kMissing:
      return "no";
    case PackageState::kInstalled:
      return "system";
    case PackageState::kFetched:
      return "yes";
    case PackageState::kDamaged:
      return "damaged";
    case PackageState::kOutdated:
      return "outdated";
    case PackageState::kForeign:
      return "own";
  }
  return "";
}

int list(const DataOptions& options) {
  const fs::path root = data_root(options.root);
  const auto sources = packaged_sources();
  constexpr const char* kRow = "{:{}}  {:8}  {:>6}  {:{}}  {}\n";
  size_t source_width = std::string_view("source").size();
  size_t package_width = std::string_view("package").size();
  for (const PackagedSource& source : sources) {
    source_width = std::max(source_width, source.name.size());
    for (const DataPackage& package : source.packages) {
      package_width = std::max(package_width, name_of(package).size());
    }
  }
  std::cout << fmt::format(kRow, "source", source_width, "here", "MB", "package", package_width,
                           "licence");
  std::string damages;
  for (const PackagedSource& source : sources) {
    std::string name = source.name;
    for (const DataPackage& package : source.packages) {
      const PackageState state = state_of(package, root);
      std::cout << fmt::format(kRow, name, source_width, word(state),
                               fmt::format("{:.1f}", package.megabytes), name_of(package),
                               package_width, package.licence);
      if (state == PackageState::kDamaged) {
        damages += fmt::format("{}: {}; {} brings it again\n", package.name, damage(package, root),
                               "'clsim data get " + source.name + "'");
      }
      name.clear();
    }
  }
  std::cout << fmt::format(
      "\nfolder:  {}\nhere:    yes (brought by clsim), system (installed), own (put there by "
      "somebody), outdated, damaged, no\n{}{}",
      root.string(), damages.empty() ? "" : "\n", damages);
  return damages.empty() ? kFine : kSomeRunFailed;
}

/// Steps as lines of the log, and on a terminal how far the one under way is.
class FetchDisplay {
 public:
  explicit FetchDisplay(std::string package) : package_(std::move(package)) {}
  ~FetchDisplay() { erase(); }
  FetchDisplay(const FetchDisplay&) = delete;
  FetchDisplay& operator=(const FetchDisplay&) = delete;

  [[nodiscard]] FetchReport report() {
    return {.step =
                [this](const std::string& text) {
                  erase();
                  log::info("{}: {}", package_, text);
                },
            .progress = [this](double done, double all) { show(done, all); }};
  }

 private:
  void show(double done, double all) {
    if (!live_ || all <= 0) return;
    // The size of a download is known roughly, and it is not done before the client says so.
    const int percent = static_cast<int>(std::min(100 * done / all, 99.0));
    if (percent == percent_) return;
    percent_ = percent;
    std::cerr << fmt::format("\r\x1b[K{} %", percent) << std::flush;
  }
  void erase() {
    if (percent_ >= 0) std::cerr << "\r\x1b[K" << std::flush;
    percent_ = -1;
  }

  std::string package_;
  bool live_ = isatty(STDERR_FILENO) == 1;
  int percent_ = -1;  // on the terminal; below zero: nothing is
};

void announce(const std::vector<DataPackage>& packages, const fs::path& root) {
  double megabytes = 0;
  for (const DataPackage& package : packages) megabytes += package.megabytes;
  std::cout << fmt::format("to download: {:.0f} MB, to {}\n", megabytes, root.string());
  for (const DataPackage& package : packages) {
    std::cout << fmt::format(
        "  {}  {:.1f} MB  licence: {}{}\n", name_of(package), package.megabytes, package.licence,
        package.svg.empty() ? "" : "  (SVG files, drawn here by rsvg-convert)");
  }
  std::cout << std::flush;
}

/// Those that have to be brought; says what is with the others.
std::vector<DataPackage> to_bring(const std::vector<DataPackage>& packages, const fs::path& root,
                                  const std::stop_token& stop) {
  std::vector<DataPackage> result;
  for (const DataPackage& package : packages) {
    const std::string folder = (root / package.folder()).string();
    switch (state_of(package, root)) {
      case PackageState::kInstalled:
        log::info("{}: is installed by the system", package.name);
        break;
      case PackageState::kForeign:
        log::info(
            "{}: {} is there without a receipt and is left as it is; move it away to have "
            "the package brought",
            package.name, folder);
        break;
      case PackageState::kFetched:
      case PackageState::kDamaged:
        if (const std::string problem = damage(package, root, stop); !problem.empty()) {
          log::info("{}: {} {}; it is brought again", package.name, folder, problem);
          result.push_back(package);
        } else {
          log::info("{}: is here and whole", package.name);
        }
        break;
      case PackageState::kOutdated:
      case PackageState::kMissing:
        result.push_back(package);
    }
  }
  return result;
}

int get(const DataOptions& options) {
  const fs::path root = fs::absolute(data_root(options.root));
  const auto packages = packages_of(packaged_sources(options.names));
  fs::create_directories(root);
  const FolderLock lock(root, "--data");
  const InterruptStop stop;
  const auto missing = to_bring(packages, root, stop.token());
  if (missing.empty()) return kFine;
  announce(missing, root);
  size_t num_failed = 0;
  for (const DataPackage& package : missing) {
    try {
      FetchDisplay display(package.name);
      const FetchReport report = display.report();
      fetch_package(package, root, report, stop.token());
      report.step("done");
    } catch (const Stopped&) {
      throw;
    } catch (const std::exception& error) {  // the other packages may well come
      ++num_failed;
      std::cerr << fmt::format("clsim: {}: {}\n", package.name, printable(explain(error)));
    }
  }
  if (num_failed == 0) return kFine;
  std::cerr << fmt::format("clsim: {} of {} packages did not come\n", num_failed, missing.size());
  return kSomeRunFailed;
}

int verify(const DataOptions& options) {
  const fs::path root = fs::absolute(data_root(options.root));
  const InterruptStop stop;
  bool fine = true;
  for (const DataPackage& package : packages_of(packaged_sources(options.names))) {
    std::string found;
    switch (state_of(package, root)) {
      case PackageState::kMissing:
        if (options.names.empty()) continue;
        found = "is not here";
        fine = false;
        break;
      case PackageState::kInstalled:
        found = "is installed by the system; 'dpkg --verify' checks it";
        break;
      case PackageState::kForeign:
        found = "has no receipt, so nobody knows";
        break;
      case PackageState::kFetched:
      case PackageState::kDamaged:
      case PackageState::kOutdated:
        found = damage(package, root, stop.token());
        fine = fine && found.empty();
        if (!found.empty()) found = "DAMAGED: " + found;
    }
    std::cout << fmt::format("{}: {}\n", package.name, found.empty() ? "whole" : found);
  }
  if (!fine) std::cout << "'clsim data get NAME' brings what is missing or damaged\n";
  return fine ? kFine : kSomeRunFailed;
}

}  // namespace

void add_data(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<DataOptions>();
  CLI::App* verb = app.add_subcommand("data", "Bring the data of image sources, and check them");
  verb->require_subcommand(1);
  verb->footer(kDataFooter);
  const auto add = [&](const char* name, const char* text, int (*action)(const DataOptions&)) {
    CLI::App* sub = verb->add_subcommand(name, text);
    sub->add_option("--data", options->root,
                    "folder of the data sets; default: $CLSIM_DATA, else the user's own")
        ->type_name("DIR");
    sub->callback(
        [&chosen, options, action] { chosen = [options, action] { return action(*options); }; });
    return sub;
  };
  add("list", "Sources whose data are packages: here or not, size, licence", list);
  add("get", "Bring the packages of these sources", get)
      ->add_option("name", options->names, "image sources")
      ->required()
      ->type_name("NAME...");
  add("verify", "Read all files and hold them against the receipts", verify)
      ->add_option("name", options->names, "image sources; default: all that are here")
      ->type_name("NAME...");
}

}  // namespace cl::experiments::cli
