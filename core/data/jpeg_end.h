// Whether a JPEG file is whole: libjpeg fills what is missing with grey and only murmurs.
#pragma once

#include <cstdint>
#include <span>

namespace cl {

/// Whether the file begins as JPEG does.
[[nodiscard]] bool is_jpeg(std::span<const uint8_t> file);

/// Whether a JPEG file breaks off before its end-of-image marker; what follows that is not looked
/// at. The markers of a preview inside do not count.
/// @source ITU-T T.81, annex B
[[nodiscard]] bool is_cut_short_jpeg(std::span<const uint8_t> file);

}  // namespace cl
