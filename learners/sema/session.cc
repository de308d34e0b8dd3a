#include "learners/sema/session.h"

#include <algorithm>
#include <numeric>

#include "learners/sema/mixture.h"

namespace cl::sema {

bool Session::is_repeatable() const {
  return !data().augments() && !is_random(options.mixture);
}

ForwardPass Session::pass(std::span<const int64_t> rows, const View& look) const {
  const RngKey& key = look.augment ? *look.augment : context.key;
  return {.rows = rows, .key = key.child("mixture")};
}

Tensor Session::run(const ForwardPass& pass, const View& look, int64_t last) const {
  return network.run(tokens.entering(data(), pass.rows, look), tokens.block(), last, pass);
}

void for_batches(int64_t size, int64_t batch_size,
                 const std::function<void(const std::vector<int64_t>& rows)>& visit) {
  for (int64_t first = 0; first < size; first += batch_size) {
    std::vector<int64_t> rows(static_cast<size_t>(std::min(batch_size, size - first)));
    std::iota(rows.begin(), rows.end(), first);
    visit(rows);
  }
}

}  // namespace cl::sema
