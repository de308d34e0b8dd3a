// How this process keeps memory between uses.
#pragma once

namespace cl {

/// Lets freed memory stay with the process, up to blocks of 1 GiB: a run asks for the same large
/// tensors again and again, and having each page zeroed by the system anew costs a quarter to a
/// half of the time of a large network. Acts where the executable is linked with cl_allocator;
/// else the call changes nothing. To be called at the start of main().
void keep_freed_memory();

}  // namespace cl
