#include "core/features/stored_rows.h"

#include <utility>

#include "core/base/error.h"

namespace cl {

StoredRows::StoredRows(std::shared_ptr<const CacheFolder> folder, ActivationKey key,
                       ActivationFile checked, std::shared_ptr<Slots> slots)
    : folder_(std::move(folder)),
      key_(std::move(key)),
      identity_(checked.file().identity()),
      slots_(std::move(slots)) {
  if (slots_->try_acquire()) open_.emplace(std::move(checked));
}

StoredRows::~StoredRows() {
  if (open_) slots_->release();
}

bool StoredRows::read(int64_t first, std::span<std::byte> rows) const {
  try {
    if (open_) {
      open_->read_rows(first, rows);
      return true;
    }
    auto found = folder_->open(key_.group, activations_name(key_.piece));
    if (!found || found->identity() != identity_) return false;
    ActivationFile(*std::move(found), key_).read_rows(first, rows);
    return true;
  } catch (const Error&) {
    return false;  // whoever opens it anew will find out, and say, why
  }
}

}  // namespace cl
