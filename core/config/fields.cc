#include "core/config/fields.h"

#include "core/base/check.h"

namespace cl::config {

std::filesystem::path Path::resolve() const {
  CL_CHECK(!empty());
  return (folder / text).lexically_normal();  // operator/ keeps an absolute right-hand side alone
}

}  // namespace cl::config
