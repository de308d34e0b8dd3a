#include "learners/sema/phases.h"
#include "tests/learners/sema_world.h"
#include "tests/support/catch.h"

namespace cl::sema::testing {
namespace {

struct Trained {
  State functional, descriptor, fresh_descriptor;
};

State descriptors(World& world) {
  State all;
  for (int64_t layer = 1; layer <= 3; ++layer) {
    for (auto& entry : snapshot(*world.network.block(layer).modules().back().descriptor)) {
      if (entry.first.ends_with("weight") || entry.first.ends_with("bias")) all.push_back(entry);
    }
  }
  return all;
}

Trained train_with(const std::string& objective) {
  Options options = World::small();
  options.objective = objective;
  options.descriptor.lr = options.functional.lr;
  World world(options);
  Trained result;
  result.fresh_descriptor = descriptors(world);
  world.during(0, {0, 1}, noise_images({0, 1}, 64, 0, 3),
               [&](Session& session) { train_new(session, 0); });
  result.descriptor = descriptors(world);
  for (int64_t layer = 0; layer < 4; ++layer) {
    for (auto& entry : snapshot(*world.network.block(layer).modules().back().functional)) {
      result.functional.push_back(entry);
    }
  }
  return result;
}

}  // namespace

TEST_CASE("the joint objective trains descriptors without touching what adapters learn", "[sema]") {
  const Trained apart = train_with("sequential");
  const Trained joint = train_with("joint");
  // No gradient of a descriptor's loss reaches an adapter (eq. 4's terms are separate), and the
  // batches are the same.
  CHECK(digest(joint.functional) == digest(apart.functional));
  CHECK(digest(joint.descriptor) != digest(joint.fresh_descriptor));
  // Two epochs of the functional options, not three of the descriptors' own.
  CHECK(digest(joint.descriptor) != digest(apart.descriptor));
}

}  // namespace cl::sema::testing
