// The two phases that train what an expansion added.
#pragma once

#include <cstdint>

#include "learners/sema/session.h"

namespace cl::sema {

/// Cross-entropy over the classes of the experience trains all trainable adapters, router columns
/// and the classifier. Rows of other classes are only shrunk by weight decay, as their gradient is
/// zero.
/// @param round  counts the calls within the experience, from 0: no two draw the same numbers
void functional_phase(Session& session, int64_t round);

/// Reconstruction error trains the descriptors of new adapters, whose statistics watch.
void descriptor_phase(Session& session, int64_t round);

/// Both, then freezes everything but the classifier.
void train_new(Session& session, int64_t round);

}  // namespace cl::sema
