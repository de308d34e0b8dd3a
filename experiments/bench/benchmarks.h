// The benchmarks of clsim_bench; each file adds its own.
#pragma once

namespace cl {

void add_image_loading();
void add_network();
void add_attention();

}  // namespace cl
