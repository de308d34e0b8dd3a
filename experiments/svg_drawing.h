// SVG files drawn as the PNG files that image readers take.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <vector>

namespace cl::experiments {

/// Draws every SVG file in these folders as a PNG of 72 x 72 pixels with the same name beside
/// it, by the program rsvg-convert, on the threads of the current arena.
/// @param progress  called with the number of files that are drawn, and of all; by one thread at a
///                  time
/// @throws Error naming the file that cannot be drawn, Stopped if asked to stop
void draw_svg_files(const std::vector<std::filesystem::path>& folders, const std::stop_token& stop,
                    const std::function<void(int64_t done, int64_t all)>& progress);

/// @throws Error saying what to install where rsvg-convert is missing
void require_svg_program();

}  // namespace cl::experiments
