#include "experiments/run_files.h"

#include <map>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/io/run_file.h"
#include "core/weights/safetensors.h"

namespace cl::experiments {
namespace fs = std::filesystem;
namespace {

std::map<std::string, std::string> marker(const std::string& id, int64_t steps,
                                          const State& state) {
  return {{"run", id}, {"steps", std::to_string(steps)}, {"digest", digest(state)}};
}

/// A whole record, of that run.
RunRecord read_record(const fs::path& file, const std::string& id) {
  RunRecord record = read_run(file);
  if (record.id != id) {
    throw Error(fmt::format("{}: holds run '{}', not '{}'", file.string(), record.id, id));
  }
  return record;
}

int64_t steps_done(const RunRecord& record) {
  return static_cast<int64_t>(record.sizes.size());
}

}  // namespace

RunFiles::RunFiles(fs::path folder, std::string id)
    : folder_(std::move(folder)), id_(std::move(id)) {}

fs::path RunFiles::path(const char* ending) const {
  return folder_ / (id_ + ending);
}

fs::path RunFiles::state(int64_t steps) const {
  return folder_ / fmt::format("{}.part{}.safetensors", id_, steps);
}

bool RunFiles::is_finished() const {
  return fs::exists(record());
}

bool RunFiles::is_unfinished() const {
  return !is_finished() && fs::exists(unfinished_record());
}

void RunFiles::save(const RunRecord& record, const State& state) const {
  const int64_t steps = steps_done(record);
  const fs::path file = this->state(steps);
  write_safetensors(file, state, marker(id_, steps, state));
  write_run(unfinished_record(), record);
  remove_states_but(file);
}

std::optional<RunFiles::Saved> RunFiles::saved() const {
  if (!is_unfinished()) return std::nullopt;
  try {
    Saved result{read_record(unfinished_record(), id_), {}};
    const int64_t steps = steps_done(result.record);
    const fs::path file = state(steps);
    SafetensorsFile content = read_safetensors(file);
    if (content.metadata != marker(id_, steps, content.tensors)) {
      throw Error(
          fmt::format("'{}' does not belong to '{}'", file.string(), unfinished_record().string()));
    }
    result.state = std::move(content.tensors);
    return result;
  } catch (const Error& error) {
    log::warn("run {} starts anew, what it left cannot be used: {}", id_, error.what());
    return std::nullopt;
  }
}

RunRecord RunFiles::finished() const {
  return read_record(record(), id_);
}

void RunFiles::set_aside_unreadable() const {
  if (!is_finished()) return;
  try {
    (void)finished();
  } catch (const Error& error) {
    fs::path aside = path(".h5.unreadable");
    for (int k = 1; fs::exists(aside); ++k) aside = path(".h5.unreadable") += fmt::format(".{}", k);
    fs::rename(record(), aside);
    log::warn("run {} starts anew, its file cannot be used and is now '{}': {}", id_,
              aside.filename().string(), error.what());
  }
}

void RunFiles::finish(const RunRecord& record) const {
  write_run(this->record(), record);
  remove_leftovers();
}

void RunFiles::clean_up() const {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
    const std::string name = entry.path().filename().string();
    std::error_code ignored;  // a leftover does no harm
    if (name.starts_with(id_ + ".") && name.ends_with(".draft")) fs::remove(entry.path(), ignored);
  }
  if (is_finished()) remove_leftovers();
}

void RunFiles::remove_leftovers() const {
  fs::remove(unfinished_record());
  fs::remove(failure());
  remove_states_but({});
}

void RunFiles::remove_states_but(const fs::path& kept) const {
  const std::string prefix = id_ + ".part";
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
    const bool is_state = entry.path().filename().string().starts_with(prefix);
    if (!is_state || entry.path() == kept) continue;
    std::error_code ignored;  // a leftover state does no harm
    fs::remove(entry.path(), ignored);
  }
}

}  // namespace cl::experiments
