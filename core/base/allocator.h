// How this process keeps memory between uses.
#pragma once

#include <cstdint>

namespace cl {

/// Lets freed memory stay with the process, large blocks above all: a run asks for the same large
/// tensors again and again, and having each page zeroed by the system anew can cost more than
/// computing what goes there. Acts where the executable is linked with cl_allocator;
/// else the call changes nothing. To be called at the start of main().
void keep_freed_memory();

/// All of it goes back to the system: where what comes next asks for other sizes, as after a phase
/// of training.
void give_back_freed_memory();

/// To be called after a block was freed of a size that will hardly be asked for again, as decoded
/// photographs have. Now and then freed memory is given back then. Small ones do not count.
void used_in_passing(int64_t bytes);

}  // namespace cl
