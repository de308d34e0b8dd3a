#include "analysis/result_set.h"

#include <map>
#include <set>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/io/run_file.h"

namespace cl::analysis {
namespace {

namespace fs = std::filesystem;

/// All files that the places name, each once, ordered by path.
std::set<fs::path> files_of(const std::vector<fs::path>& places) {
  std::set<fs::path> files;
  for (const fs::path& place : places) {
    if (!fs::exists(place)) {
      throw Error(fmt::format("{}: there is no such file or folder", place.string()));
    }
    if (!fs::is_directory(place)) {
      files.insert(fs::canonical(place));
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(place)) {
      const fs::path& path = entry.path();
      const bool part = path.extension() == ".part" && path.stem().extension() == ".h5";
      if (entry.is_regular_file() && (path.extension() == ".h5" || part)) {
        files.insert(fs::canonical(path));
      }
    }
  }
  return files;
}

}  // namespace

ResultSet load_results(const std::vector<fs::path>& places) {
  ResultSet results;
  std::map<std::string, fs::path> known;  // run id -> file
  for (const fs::path& file : files_of(places)) {
    if (file.extension() == ".part") {
      // Left by a crash between the last two steps of a run: it is finished all the same.
      if (fs::exists(fs::path(file).replace_extension())) continue;
      results.notes.push_back(fmt::format("{}: unfinished run, left out", file.string()));
      continue;
    }
    try {
      RunRecord run = read_run(file);
      const auto [place, is_new] = known.emplace(run.id, file);
      if (is_new) {
        results.runs.push_back(std::move(run));
      } else {
        results.notes.push_back(fmt::format("{}: the same run as '{}', counted once", file.string(),
                                            place->second.string()));
      }
    } catch (const Error& error) {
      results.notes.push_back(fmt::format("{}; left out", error.what()));
    }
  }
  if (results.runs.empty()) {
    std::string message = "no finished run found; expected '.h5' files that 'clsim run' wrote";
    for (const std::string& note : results.notes) message += "\n  " + note;
    throw Error(message);
  }
  return results;
}

}  // namespace cl::analysis
