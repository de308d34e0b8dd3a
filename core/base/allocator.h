// How this process keeps memory between uses.
#pragma once

namespace cl {

/// Lets freed memory stay with the process, large blocks above all: a run asks for the same large
/// tensors again and again, and having each page zeroed by the system anew can cost more than
/// computing what goes there. Acts where the executable is linked with cl_allocator;
/// else the call changes nothing. To be called at the start of main().
void keep_freed_memory();

}  // namespace cl
