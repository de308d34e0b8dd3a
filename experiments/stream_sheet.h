// A stream as a contact sheet: a few training images of each class in each experience.
#pragma once

#include <cstdint>
#include <string>

#include "core/config/node.h"
#include "core/stream/stream.h"
#include "experiments/contact_sheet.h"

namespace cl::experiments {

/// How much of a stream a sheet shows; what is left out is said on it.
struct SheetLimits {
  int64_t images = 0;  // a class; 0: as many as go well beside each other
  int64_t classes = 20;
  int64_t experiences = 24;
};

/// Images as the backbone would see them (test view), but before they are normalised.
/// @param choice  of the stream: tells its transform
/// @param title   of the sheet
/// @throws Error for samples that are no images
[[nodiscard]] ContactSheet make_sheet(const Stream& stream, const config::Node& choice,
                                      const std::string& title, const SheetLimits& limits);

}  // namespace cl::experiments
