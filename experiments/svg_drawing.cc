#include "experiments/svg_drawing.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/parallel.h"
#include "experiments/child_process.h"

namespace cl::experiments {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProgram = "rsvg-convert";
constexpr const char* kSize = "72";  // pixels; both sides

void draw(const fs::path& svg, const std::stop_token& stop) {
  fs::path png = svg;
  png.replace_extension(".png");
  // With a folder before them, no names look like options.
  const auto result = run_program({kProgram, "--width", kSize, "--height", kSize, "--output",
                                   "./" + png.filename().string(), "./" + svg.filename().string()},
                                  svg.parent_path(), stop);
  if (result.exit_code == 0) return;
  throw Error(fmt::format("{}: '{}' could not draw it (exit code {}): {}", svg.string(), kProgram,
                          result.exit_code, last_words(result.output)));
}

}  // namespace

void draw_svg_files(const std::vector<fs::path>& folders, const std::stop_token& stop,
                    const std::function<void(int64_t done, int64_t all)>& progress) {
  std::vector<fs::path> files;
  for (const fs::path& folder : folders) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == ".svg") files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  const auto num_files = static_cast<int64_t>(files.size());
  std::mutex mutex;
  int64_t num_drawn = 0;
  parallel_for(num_files, [&](int64_t i) {
    draw(files[static_cast<size_t>(i)], stop);
    const std::lock_guard lock(mutex);
    progress(++num_drawn, num_files);
  });
}

void require_svg_program() {
  if (has_program(kProgram)) return;
  throw Error(
      fmt::format("its drawings need the program '{}', which is missing; install the Debian "
                  "package librsvg2-bin, then call this again",
                  kProgram));
}

}  // namespace cl::experiments
