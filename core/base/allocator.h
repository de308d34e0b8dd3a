// How the C library's allocator treats large blocks.
#pragma once

namespace cl {

/// Keeps freed blocks of up to some MiB for the next request. By default glibc returns them to the
/// system and asks for new ones each time, whose pages must be zeroed and mapped one by one: images
/// and activations then cost more to get than to compute. To be called once, before threads start;
/// does nothing with other C libraries.
void keep_freed_memory();

}  // namespace cl
