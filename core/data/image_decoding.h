// What all readers of image files share: one way from a file's content to pixels of 8 bits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include <opencv2/core/mat.hpp>

namespace cl {

/// The content of an image file.
/// @throws Error naming the file if it is missing or cannot be read
[[nodiscard]] std::vector<uint8_t> read_image_bytes(const std::filesystem::path& file);

/// The pixels [H, W] of an image file by its content, not by its name: 8 bits; 1 channel (grey), 3
/// (RGB) or 4 (RGBA, alpha not multiplied in). Of 16 bits the upper 8 are kept; fewer than 8 are
/// spread over 0 to 255. Of several frames or pages this is the first. Orientation is regarded
/// where it belongs to the format (TIFF) and not where it stands in EXIF data, as PIL does.
/// @throws Error naming the file if it is damaged, which is whatever its decoder warns of but for
///     metadata, or has samples whose black and white are not known (signed, floating-point)
[[nodiscard]] cv::Mat decode_pixels(std::span<const uint8_t> bytes,
                                    const std::filesystem::path& name);

}  // namespace cl
