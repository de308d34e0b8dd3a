// Training and test images that do not show the same things, where a data set comes without such a
// split.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/stream/image_source.h"

namespace cl {

/// Makes images with equal pictures images of one thing, and with them all those of the things that
/// they showed: these take the least of their names.
/// @param identities    [n] what each image shows; changed in place
/// @param fingerprints  [n] equal texts: equal pictures
void join_equal_pictures(std::span<std::string> identities,
                         std::span<const std::string> fingerprints);

/// Which split each image is in. Of the things of a class those are tested on that come first in
/// the order of their hashed names: `test_fraction` of them, at least one, never all. So what a
/// thing is for hangs on the names of its class alone, and not on order or number of the images.
/// @param labels      [n]
/// @param identities  [n] names; one thing is in one class, and a class has at least two
[[nodiscard]] std::vector<Split> split_by_identity(std::span<const int64_t> labels,
                                                   std::span<const std::string> identities,
                                                   double test_fraction);

/// [n] The position of each name among all of them, sorted: numbers for ImageTable::identities.
[[nodiscard]] std::vector<int64_t> identity_numbers(std::span<const std::string> identities);

}  // namespace cl
