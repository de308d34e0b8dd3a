// Read by clang before files that know LibTorch (CL_TIDY, CL_FUZZ): clang instantiates the constexpr
// functions of C++20's std::vector while LibTorch's c10::IValue is still incomplete, and reports errors.
// Here libstdc++'s vector is as in C++17; what g++ compiles never sees this.
#pragma once

#include <string>

#pragma push_macro("_GLIBCXX20_CONSTEXPR")
#undef _GLIBCXX20_CONSTEXPR
#define _GLIBCXX20_CONSTEXPR
#define __fill_a1 __fill_a1_of_bits  // which was declared constexpr before
#include <vector>
#undef __fill_a1
#pragma pop_macro("_GLIBCXX20_CONSTEXPR")
