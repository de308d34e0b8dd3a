#include "core/io/hdf5_selection.h"

#include <algorithm>
#include <cstddef>

namespace cl::hdf5 {

Sizes extent(const Handle& space) {
  Sizes sizes(static_cast<size_t>(std::max(H5Sget_simple_extent_ndims(space.id()), 0)));
  if (!sizes.empty()) H5Sget_simple_extent_dims(space.id(), sizes.data(), nullptr);
  return sizes;
}

Handle as_hyperslab(hid_t space) {
  Handle result(H5Scopy(space), H5Sclose);
  if (H5Sget_select_type(space) == H5S_SEL_ALL) {
    const Sizes sizes = extent(result), zeros(sizes.size(), 0);
    H5Sselect_hyperslab(result.id(), H5S_SELECT_SET, zeros.data(), nullptr, sizes.data(), nullptr);
  }
  return result;
}

void take_out(const Handle& from, const Handle& hyperslab) {
  const size_t rank = extent(hyperslab).size();
  if (H5Sis_regular_hyperslab(hyperslab.id()) > 0) {
    Sizes start(rank), stride(rank), count(rank), block(rank);
    H5Sget_regular_hyperslab(hyperslab.id(), start.data(), stride.data(), count.data(),
                             block.data());
    H5Sselect_hyperslab(from.id(), H5S_SELECT_NOTB, start.data(), stride.data(), count.data(),
                        block.data());
    return;
  }
  const hssize_t num_blocks = std::max<hssize_t>(H5Sget_select_hyper_nblocks(hyperslab.id()), 0);
  Sizes corners(static_cast<size_t>(num_blocks) * 2 * rank);  // first and last of each block
  if (corners.empty()) return;
  H5Sget_select_hyper_blocklist(hyperslab.id(), 0, static_cast<hsize_t>(num_blocks),
                                corners.data());
  for (size_t at = 0; at < corners.size(); at += 2 * rank) {
    Sizes size(rank);
    for (size_t axis = 0; axis < rank; ++axis) {
      size[axis] = corners[at + rank + axis] - corners[at + axis] + 1;
    }
    H5Sselect_hyperslab(from.id(), H5S_SELECT_NOTB, &corners[at], nullptr, size.data(), nullptr);
  }
}

bool is_unlimited(hid_t space) {
  if (H5Sget_select_type(space) != H5S_SEL_HYPERSLABS || H5Sis_regular_hyperslab(space) <= 0) {
    return false;
  }
  const auto rank = static_cast<size_t>(H5Sget_simple_extent_ndims(space));
  Sizes start(rank), stride(rank), count(rank), block(rank);
  H5Sget_regular_hyperslab(space, start.data(), stride.data(), count.data(), block.data());
  const auto endless = [](hsize_t size) { return size == H5S_UNLIMITED; };
  return std::any_of(count.begin(), count.end(), endless) ||
         std::any_of(block.begin(), block.end(), endless);
}

bool meets(const Handle& selection, const Sizes& first, const Sizes& last) {
  return H5Sselect_intersect_block(selection.id(), first.data(), last.data()) > 0;
}

}  // namespace cl::hdf5
