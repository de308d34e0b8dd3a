# Writes OUT, a header with the commit of SOURCE_DIR. Runs at every build, but leaves the file alone
# where nothing has changed, so that nothing is compiled again.
set(commit "unknown")
set(dirty "unknown")
find_program(GIT git)
if(GIT)
  execute_process(COMMAND ${GIT} -C ${SOURCE_DIR} rev-parse HEAD OUTPUT_VARIABLE head
                  RESULT_VARIABLE failed ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT failed)
    set(commit ${head})
    execute_process(COMMAND ${GIT} -C ${SOURCE_DIR} status --porcelain OUTPUT_VARIABLE changes
                    ERROR_QUIET)
    string(COMPARE NOTEQUAL "${changes}" "" changed)
    if(changed)
      set(dirty "yes")
    else()
      set(dirty "no")
    endif()
  endif()
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT [[
#pragma once

namespace cl::experiments {
inline constexpr const char* kGitCommit = "@commit@";
inline constexpr const char* kGitDirty = "@dirty@";  // "yes", "no" or "unknown"
}  // namespace cl::experiments
]] @ONLY)
