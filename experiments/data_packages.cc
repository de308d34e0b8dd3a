#include "experiments/data_packages.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/base/sha256.h"
#include "core/config/registry.h"
#include "core/stream/image_source.h"
#include "experiments/child_process.h"
#include "experiments/package_receipt.h"
#include "experiments/svg_drawing.h"

namespace cl::experiments {
namespace {

namespace fs = std::filesystem;

using Arguments = std::vector<std::string>;

constexpr double kBytesPerMegabyte = 1e6;
constexpr const char* kPartEnding = ".part";

/// The folder in which a package is put together; gone with its owner.
class PartFolder {
 public:
  explicit PartFolder(fs::path path) : path_(std::move(path)) {
    fs::remove_all(path_);  // of a process that was killed
    fs::create_directories(archive());
    fs::create_directories(files());
  }
  ~PartFolder() {
    std::error_code ignored;  // a destructor must not throw, and the next one removes it too
    fs::remove_all(path_, ignored);
  }
  PartFolder(const PartFolder&) = delete;
  PartFolder& operator=(const PartFolder&) = delete;

  [[nodiscard]] fs::path archive() const { return path_ / "archive"; }
  [[nodiscard]] fs::path files() const { return path_ / "files"; }
  [[nodiscard]] fs::path replaced() const { return path_ / "replaced"; }

 private:
  fs::path path_;
};

double bytes_in(const fs::path& folder) {
  double result = 0;
  std::error_code error;  // files come and go while a client works
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const auto size = entry.file_size(error);
    if (!error) result += static_cast<double>(size);
  }
  return result;
}

/// "; there are only 3 MB left on the disk" where that may be the reason.
std::string disk_note(const fs::path& folder, double megabytes) {
  std::error_code error;
  const auto space = fs::space(folder, error);
  const double left = static_cast<double>(space.available) / kBytesPerMegabyte;
  if (error || left > megabytes) return "";
  return fmt::format("; the disk has only {:.0f} MB left", left);
}

/// The steps that bring one package.
class Fetch {
 public:
  Fetch(const DataPackage& package, const fs::path& root, const FetchReport& report,
        const std::stop_token& stop)
      : package_(package), target_(root / package.folder()), report_(report), stop_(stop) {}

  void run() {
    require_programs();
    fs::create_directories(target_.parent_path());
    const PartFolder part(target_.string() + kPartEnding);
    const fs::path archive = download(part.archive());
    const std::string sha256 = check(archive);
    const std::string version = unpack(archive, part.files());
    fs::remove(archive);
    draw(part.files());
    report_.step("writing the receipt");
    write_receipt(part.files(), {.package = package_.name,
                                 .version = version,
                                 .sha256 = sha256,
                                 .content = content_of(part.files(), stop_)});
    std::error_code error;  // there is one only if it was damaged or of another version
    fs::rename(target_, part.replaced(), error);
    fs::rename(part.files(), target_);
  }

 private:
  [[nodiscard]] bool is_apt() const { return package_.manager == PackageManager::kApt; }

  void require_programs() const {
    const Arguments names = is_apt() ? Arguments{"apt-get", "dpkg-deb"} : Arguments{"npm", "tar"};
    for (const std::string& name : names) {
      if (has_program(name)) continue;
      throw Error(fmt::format("the program '{}' is missing; {}", name,
                              is_apt() ? "this data is a package of Debian, which needs its tools"
                                       : "install the Debian package '" + name + "'"));
    }
    if (!package_.svg.empty()) require_svg_program();
  }

  /// @return its output
  std::string run_step(const Arguments& arguments, const fs::path& folder,
                       const std::function<void()>& tick, std::string_view advice = "") const {
    const auto result = run_program(arguments, folder, stop_, tick);
    if (result.exit_code == 0) return result.output;
    throw Error(fmt::format("'{}' failed with exit code {}{}{}: {}", fmt::join(arguments, " "),
                            result.exit_code, disk_note(folder, package_.megabytes), advice,
                            last_words(result.output)));
  }

  [[nodiscard]] fs::path download(const fs::path& folder) const {
    report_.step(fmt::format("downloading {:.0f} MB", package_.megabytes));
    const auto tick = [&] {
      report_.progress(bytes_in(folder), package_.megabytes * kBytesPerMegabyte);
    };
    if (is_apt()) {
      run_step({"apt-get", "download", "--quiet", package_.name}, folder, tick,
               "; is there a network, and did root call 'apt-get update' lately?");
    } else {
      run_step({"npm", "pack", package_.name + "@" + package_.version, "--loglevel=error"}, folder,
               tick, "; is there a network?");
    }
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder)) found.push_back(entry.path());
    if (found.size() == 1) return found.front();
    throw Error(fmt::format("'{}' left {} files where one archive was expected",
                            is_apt() ? "apt-get" : "npm", found.size()));
  }

  /// @return the archive's SHA-256
  [[nodiscard]] std::string check(const fs::path& archive) const {
    std::ifstream in(archive, std::ios::binary);
    Sha256 hash;
    std::vector<char> chunk(1 << 18);
    while (in) {
      in.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
      hash.add(chunk.data(), static_cast<size_t>(in.gcount()));
    }
    if (!in.eof()) throw Error(fmt::format("{}: cannot be read", archive.string()));
    const std::string found = hash.hex(Sha256::kAllDigits);
    if (package_.sha256.empty() || found == package_.sha256) return found;
    throw Error(
        fmt::format("the archive that came has SHA-256 {}, expected {}; nothing of it is "
                    "kept",
                    found, package_.sha256));
  }

  /// @return the version
  [[nodiscard]] std::string unpack(const fs::path& archive, const fs::path& folder) const {
    report_.step("unpacking");
    const auto nothing = [] {};
    if (is_apt()) {
      run_step({"dpkg-deb", "--extract", archive.string(), folder.string()}, folder, nothing);
      std::string version =
          run_step({"dpkg-deb", "--field", archive.string(), "Version"}, folder, nothing);
      while (!version.empty() && version.back() == '\n') version.pop_back();
      return version;
    }
    // Archives of npm hold all in one folder, "package".
    run_step({"tar", "--extract", "--gzip", "--file", archive.string(), "--strip-components=1",
              "--no-same-owner", "--no-same-permissions"},
             folder, nothing);
    return package_.version;
  }

  void draw(const fs::path& folder) const {
    if (package_.svg.empty()) return;
    report_.step("drawing its SVG files");
    std::vector<fs::path> folders;
    for (const std::string& inside : package_.svg) folders.push_back(folder / inside);
    draw_svg_files(folders, stop_, [&](int64_t done, int64_t all) {
      report_.progress(static_cast<double>(done), static_cast<double>(all));
    });
  }

  const DataPackage& package_;
  fs::path target_;
  const FetchReport& report_;
  const std::stop_token& stop_;
};

/// Whether Debian has it installed, with every file: images of containers leave documentation out.
bool is_installed(const std::string& name) {
  if (!has_program("dpkg-query")) return false;
  const auto status =
      run_program({"dpkg-query", "--show", "--showformat=${db:Status-Status}", name}, ".");
  if (status.exit_code != 0 || status.output != "installed") return false;
  const auto list = run_program({"dpkg-query", "--listfiles", name}, ".");
  std::istringstream files(list.output);
  std::error_code error;
  for (std::string file; std::getline(files, file);) {
    if (file.starts_with('/') && !fs::exists(fs::symlink_status(file, error))) return false;
  }
  return list.exit_code == 0;
}

bool is_asked_for(const PackageReceipt& receipt, const DataPackage& package) {
  return receipt.package == package.name &&
         (package.version.empty() || receipt.version == package.version) &&
         (package.sha256.empty() || receipt.sha256 == package.sha256);
}

}  // namespace

std::vector<PackagedSource> packaged_sources() {
  std::vector<PackagedSource> result;
  for (const auto& entry : ImageSources::get().entries()) {
    if (!entry->traits.packages.empty()) result.push_back({entry->name, entry->traits.packages});
  }
  return result;
}

std::vector<PackagedSource> packaged_sources(const std::vector<std::string>& names) {
  const std::vector<PackagedSource> all = packaged_sources();
  if (names.empty()) return all;
  std::vector<PackagedSource> result;
  for (const std::string& name : names) {
    const auto found = std::find_if(
        all.begin(), all.end(), [&](const PackagedSource& source) { return source.name == name; });
    if (found == all.end()) {
      std::vector<std::string> known;
      for (const PackagedSource& source : all) known.push_back(source.name);
      throw ConfigError({}, "",
                        fmt::format("no data of packages is called '{}'{}; known: {}", name,
                                    config::did_you_mean(name, known), fmt::join(known, ", ")));
    }
    result.push_back(*found);
  }
  return result;
}

std::vector<DataPackage> packages_of(const std::vector<PackagedSource>& sources) {
  std::vector<DataPackage> result;
  std::set<std::string> met;
  for (const PackagedSource& source : sources) {
    for (const DataPackage& package : source.packages) {
      if (met.insert(package.folder()).second) result.push_back(package);
    }
  }
  return result;
}

PackageState state_of(const DataPackage& package, const fs::path& root) {
  const fs::path folder = root / package.folder();
  std::error_code error;
  if (fs::exists(folder, error)) {
    try {
      const auto receipt = read_receipt(folder);
      if (!receipt) return PackageState::kForeign;
      return is_asked_for(*receipt, package) ? PackageState::kFetched : PackageState::kOutdated;
    } catch (const DamagedReceipt&) {
      return PackageState::kDamaged;
    }
  }
  if (package.manager == PackageManager::kApt && is_installed(package.name)) {
    return PackageState::kInstalled;
  }
  return PackageState::kMissing;
}

void fetch_package(const DataPackage& package, const fs::path& root, const FetchReport& report,
                   const std::stop_token& stop) {
  Fetch(package, root, report, stop).run();
}

std::string damage(const DataPackage& package, const fs::path& root, const std::stop_token& stop) {
  const fs::path folder = root / package.folder();
  std::optional<PackageReceipt> receipt;
  try {
    receipt = read_receipt(folder);
  } catch (const DamagedReceipt& problem) {
    return fmt::format("has a receipt that cannot be used ({})", problem.what());
  }
  if (!receipt) return "has no receipt";
  const FolderContent found = content_of(folder, stop);
  if (found == receipt->content) return "";
  if (found.num_files != receipt->content.num_files) {
    return fmt::format("has {} files, where {} came", found.num_files, receipt->content.num_files);
  }
  return "has a file that is not as it came";
}

}  // namespace cl::experiments
