#include "learners/sema/session.h"

#include "learners/sema/mixture.h"

namespace cl::sema {

bool Session::is_fixed() const {
  return !data().augments() && !is_random(options.mixture);
}

int64_t Session::num_lasting_views() const {
  return is_fixed() ? 1 : context.num_views;
}

View Session::lasting_view(const View& look) const {
  return is_fixed() ? View::test() : look;
}

int64_t Session::pass_end(int64_t needed) const {
  return frozen.whole_passes ? network.depth() : needed;
}

ForwardPass Session::pass(std::span<const int64_t> rows, const View& look) const {
  const RngKey& key = look.augment ? *look.augment : context.key;
  return {.rows = rows, .key = key.child("mixture").child(data().id())};
}

Tensor Session::run(const ForwardPass& pass, const View& look, int64_t last) const {
  return network.run(tokens.entering(data(), pass.rows, look), tokens.block(), last, pass);
}

}  // namespace cl::sema
