// Several data sets as one: what a learner is given that meets all experiences at once.
#pragma once

#include <vector>

#include "core/data/samples.h"

namespace cl {

/// The samples of `parts` one part after the other. Each part draws its training views from a key
/// of its own, so that equal row numbers of two parts are not augmented alike.
/// @param parts  not empty, none of them null, with labels of equal shape
DatasetPtr join(std::vector<DatasetPtr> parts);

}  // namespace cl
