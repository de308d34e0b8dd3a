#include "experiments/folder_lock.h"

#include "core/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl::experiments {

TEST_CASE("a results folder is locked until the holder is gone", "[experiments]") {
  const TempDir folder;
  {
    const FolderLock first(folder.path());
    CHECK_THROWS_WITH(FolderLock(folder.path()), Contains("another clsim is running in"));
    CHECK_THROWS_AS(FolderLock(folder.path()), ConfigError);
  }
  CHECK_NOTHROW(FolderLock(folder.path()));
  CHECK_THROWS_WITH(FolderLock(folder / "no"), Contains("no/.lock: cannot be locked"));
}

}  // namespace cl::experiments
