// From one RunSpec to its files.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "core/metrics/progress.h"
#include "core/metrics/run_record.h"
#include "experiments/run_spec.h"

namespace cl {
class ActivationStore;
}

namespace cl::experiments {

class SharedBeginnings;

/// What runs share and do not depend on.
struct RunPlace {
  std::filesystem::path out;                      // folder of the files, existing
  std::filesystem::path data_root;                // empty: each source's own default place
  std::map<std::string, std::string> provenance;  // facts of the process
  std::stop_token stop;
  std::shared_ptr<ActivationStore> store = nullptr;  // of what frozen networks computed; null: none
  std::shared_ptr<SharedBeginnings> beginnings = nullptr;  // of a sweep's runs; null: none
};

/// Builds stream, backbone and learner, conducts the protocol and writes `<id>.h5` (and the
/// checkpoint) when it is through. After every step the state is saved; where a saved state of this
/// run lies in `place.out`, the run goes on from there, bit for bit as if it had never stopped.
/// A run that began as another of the sweep says so in its provenance ("begins_as"); its
/// seconds and operations up to there are then those of the other.
/// @throws Error for what is wrong in the world, Stopped when asked to
RunRecord run(const RunSpec& spec, const RunPlace& place, Progress& progress);

}  // namespace cl::experiments
