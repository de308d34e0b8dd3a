# Writes OUT, a header with the commit of SOURCE_DIR and a digest of what computes. Runs at every build, but leaves the file alone
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
# What computes the activations that later runs may find in the cache.
function(digest_of name)
  set(patterns "")
  foreach(folder IN LISTS ARGN)
    list(APPEND patterns ${SOURCE_DIR}/${folder}/*.h ${SOURCE_DIR}/${folder}/*.cc)
  endforeach()
  file(GLOB_RECURSE sources ${patterns})
  list(SORT sources)
  set(hashes "")
  foreach(source IN LISTS sources)
    file(SHA256 ${source} hash)
    string(APPEND hashes ${hash})
  endforeach()
  string(SHA256 result "${hashes}")
  string(SUBSTRING ${result} 0 16 result)
  set(${name} ${result} PARENT_SCOPE)
endfunction()
digest_of(core_digest core streams)
digest_of(learners_digest learners)

file(CONFIGURE OUTPUT ${OUT} CONTENT [[
#pragma once

namespace cl::experiments {
inline constexpr const char* kGitCommit = "@commit@";
inline constexpr const char* kGitDirty = "@dirty@";  // "yes", "no" or "unknown"
inline constexpr const char* kCoreDigest = "@core_digest@";  // of core/ and streams/
inline constexpr const char* kLearnersDigest = "@learners_digest@";
}  // namespace cl::experiments
]] @ONLY)
