// The other program: all that needs LibTorch is done by clsim_engine, which lies beside clsim and
// takes its place in the process.
#pragma once

#include <string>

namespace cl::experiments::cli {

/// Goes on as the engine, with the same arguments, environment, descriptors and signals; to be
/// called before anything of them is changed. The engine is looked for beside this program itself,
/// not beside a link to it.
/// @param version  of this program's sources, which the engine's must be
/// @return why that did not work: it returns only then
[[nodiscard]] std::string become_engine(char** argv, const std::string& version);

/// For the engine: holds its own version against that of the clsim that started it, if any did.
/// @throws Error if they differ
void require_front_of(const std::string& version);

}  // namespace cl::experiments::cli
