// The packages that image sources name: whether they are here, how they come, whether they are
// whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/stream/data_package.h"

namespace cl::experiments {

/// A registered image source whose data packages bring.
struct PackagedSource {
  std::string name;
  std::vector<DataPackage> packages;
};

/// By name.
[[nodiscard]] std::vector<PackagedSource> packaged_sources();
/// Those of these names, in this order, or all for none.
/// @throws ConfigError for a name that is none of them
[[nodiscard]] std::vector<PackagedSource> packaged_sources(const std::vector<std::string>& names);
/// The packages of these sources, each once.
[[nodiscard]] std::vector<DataPackage> packages_of(const std::vector<PackagedSource>& sources);

enum class PackageState {
  kMissing,
  kInstalled,  // by the system, with all of its files
  kFetched,    // below the data root, with its receipt
  kDamaged,    // the same, but its receipt cannot be read
  kOutdated,   // the same in another version than we ask for
  kForeign     // below the data root without a receipt: somebody put it there
};
/// Tells by receipts, without reading the files themselves.
/// @param root  of the data (core/base/user_folders.h)
[[nodiscard]] PackageState state_of(const DataPackage& package, const std::filesystem::path& root);

/// What a person sees of a package that comes.
struct FetchReport {
  std::function<void(const std::string& text)> step = [](const std::string&) {};
  /// Of the step under way; `all` may be a guess.
  std::function<void(double done, double all)> progress = [](double, double) {};
};

/// Brings a package by its ordinary client (apt-get and dpkg-deb, or npm and tar) to its folder
/// below the data root, without root's rights. It is put together beside, in "FOLDER.part", and
/// takes its name when it is whole, so that what is there is never a half; a folder that is damaged
/// or of another version is replaced then. Not for two processes at a time.
/// @throws Error saying which step failed and why, Stopped if asked to stop; neither leaves
/// anything
void fetch_package(const DataPackage& package, const std::filesystem::path& root,
                   const FetchReport& report, const std::stop_token& stop);

/// What is wrong with a fetched package's files, as a part of a sentence; empty: they are as they
/// came.
[[nodiscard]] std::string damage(const DataPackage& package, const std::filesystem::path& root,
                                 const std::stop_token& stop = {});

}  // namespace cl::experiments
