// Parts of HDF5 datasets. Included by io/hdf5*.cc only.
#pragma once

#include <vector>

#include <hdf5.h>

#include "core/io/hdf5_handle.h"

namespace cl::hdf5 {

using Sizes = std::vector<hsize_t>;

/// The length of each axis; empty for a single value.
[[nodiscard]] Sizes extent(const Handle& space);
/// The same selection as a hyperslab, which can be combined.
[[nodiscard]] Handle as_hyperslab(hid_t space);
/// Takes what a hyperslab selects out of another. (H5Scombine_select of HDF5 1.10.8 crashes where
/// both are regular.)
void take_out(const Handle& from, const Handle& hyperslab);
/// Whether a selection goes on without end, as those of growing virtual datasets do.
[[nodiscard]] bool is_unlimited(hid_t space);
/// Whether a selection holds any of the elements from `first` to `last`.
[[nodiscard]] bool meets(const Handle& selection, const Sizes& first, const Sizes& last);

}  // namespace cl::hdf5
