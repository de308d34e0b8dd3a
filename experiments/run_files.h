// The files of one run in its results folder, and how an interrupted run is saved among them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "core/metrics/run_record.h"
#include "core/weights/state.h"

namespace cl::experiments {

/// `<id>.h5` is a finished run. While it is under way there are `<id>.h5.part`, the record so far,
/// and `<id>.part<k>.safetensors`, the learner after k steps.
class RunFiles {
 public:
  RunFiles(std::filesystem::path folder, std::string id);

  [[nodiscard]] std::filesystem::path record() const { return path(".h5"); }
  [[nodiscard]] std::filesystem::path unfinished_record() const { return path(".h5.part"); }
  [[nodiscard]] std::filesystem::path state(int64_t steps) const;
  [[nodiscard]] std::filesystem::path checkpoint() const { return path(".safetensors"); }
  [[nodiscard]] std::filesystem::path failure() const { return path(".failed.txt"); }

  [[nodiscard]] bool is_finished() const;
  [[nodiscard]] bool is_unfinished() const;

  /// What an interrupted run left: `record.sizes.size()` steps are done.
  struct Saved {
    RunRecord record;
    State state;
  };

  /// Saves a run after a step. The record is renamed into place last and names the state it
  /// belongs to, so a crash at any moment leaves either the step before or this one.
  void save(const RunRecord& record, const State& state) const;
  /// Nothing where there is nothing to go on from; damaged files are warned about and count as
  /// nothing.
  [[nodiscard]] std::optional<Saved> saved() const;
  /// A finished run. @throws Error if its file is damaged or that of another run
  [[nodiscard]] RunRecord finished() const;
  /// Renames `<id>.h5` to `<id>.h5.unreadable` (or `.unreadable.1`, ...) where it is damaged or
  /// that of another run, and warns, so that this run starts anew and the others go on.
  void set_aside_unreadable() const;
  /// Writes `<id>.h5` and removes what `save` has left.
  void finish(const RunRecord& record) const;
  /// Removes what a crash has left: half-written files, and of a finished run what `finish` would
  /// have removed. No other process may be at work on this run.
  void clean_up() const;

 private:
  [[nodiscard]] std::filesystem::path path(const char* ending) const;
  void remove_states_but(const std::filesystem::path& kept) const;
  void remove_leftovers() const;

  std::filesystem::path folder_;
  std::string id_;
};

}  // namespace cl::experiments
