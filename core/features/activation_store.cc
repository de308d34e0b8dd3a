#include "core/features/activation_store.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <system_error>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/replacement.h"
#include "core/data/content_digest.h"
#include "core/features/activation_file.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEnding = ".act";
constexpr const char* kAbout = "about.txt";
/// Of the budget, a tenth more than is needed is freed, so that not every file that comes makes all
/// be looked at.
constexpr int64_t kSpareParts = 10;

struct StoredFile {
  fs::path path;
  int64_t bytes = 0;
  fs::file_time_type last_used;
};

/// The entries of a folder of one kind. Other processes may remove some meanwhile: what cannot be
/// looked at is not there.
std::vector<fs::path> entries_in(const fs::path& folder, fs::file_type type) {
  std::vector<fs::path> result;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;
    if (entry->status(gone).type() == type && !gone) result.push_back(entry->path());
  }
  return result;
}

std::vector<fs::path> folders_in(const fs::path& folder) {
  return entries_in(folder, fs::file_type::directory);
}

std::vector<fs::path> files_in(const fs::path& folder) {
  return entries_in(folder, fs::file_type::regular);
}

/// Whether a store wrote this, or began to.
bool is_ours(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.ends_with(kEnding) || name.starts_with(kAbout) ||
         (name.ends_with(".draft") && name.find(kEnding) != std::string::npos);
}

/// The files of activations below a folder.
std::vector<StoredFile> stored_files(const fs::path& folder) {
  std::vector<StoredFile> result;
  for (const fs::path& group : folders_in(folder)) {
    for (const fs::path& file : files_in(group)) {
      if (file.extension() != kEnding) continue;
      std::error_code gone;
      StoredFile found{file, static_cast<int64_t>(fs::file_size(file, gone)), {}};
      if (!gone) found.last_used = fs::last_write_time(file, gone);
      if (!gone) result.push_back(std::move(found));
    }
  }
  return result;
}

int64_t total(const std::vector<StoredFile>& files) {
  int64_t sum = 0;
  for (const StoredFile& file : files) sum += file.bytes;
  return sum;
}

std::string content_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

fs::path path_of(const fs::path& folder, const ActivationKey& key) {
  return folder / key.group / (key.piece + kEnding);
}

}  // namespace

ActivationStore::ActivationStore(fs::path folder, int64_t budget_bytes, std::string maker,
                                 std::string learner_code)
    : folder_(std::move(folder)),
      budget_bytes_(budget_bytes),
      maker_(std::move(maker)),
      learner_code_(std::move(learner_code)) {}

std::string ActivationStore::group(std::string_view about) const {
  ContentDigest digest;
  digest.add(maker_);
  digest.add(about);
  return digest.hex();
}

std::optional<at::Tensor> ActivationStore::find(const ActivationKey& key, at::IntArrayRef shape) {
  const fs::path file = path_of(folder_, key);
  std::error_code error;
  if (!fs::exists(file, error)) return std::nullopt;
  try {
    at::Tensor values = map_activations(file);
    if (values.sizes() != shape) throw DamagedActivations(file.string() + ": another shape");
    fs::last_write_time(file, fs::file_time_type::clock::now(), error);  // its time of last use
    return values;
  } catch (const DamagedActivations& damage) {
    log::warn("{}; removed, and computed anew", damage.what());
    fs::remove(file, error);
  } catch (const Error& problem) {
    // Another process may just have removed it.
    if (fs::exists(file, error)) log::warn("{}; computed anew", problem.what());
  }
  return std::nullopt;
}

void ActivationStore::keep(const ActivationKey& key, std::string_view about,
                           const at::Tensor& values) {
  const auto bytes = static_cast<int64_t>(values.nbytes()) + kActivationHeaderBytes;
  try {
    {
      const std::lock_guard lock(mutex_);
      if (is_broken_ || bytes > budget_bytes_) return;
      make_room(bytes);
      *used_bytes_ += bytes;
      added_bytes_ += bytes;
    }
    try {
      write(key, about, values);
    } catch (const std::exception&) {
      write(key, about, values);  // another process may just have cleared the folder
    }
  } catch (const std::exception& problem) {
    const std::lock_guard lock(mutex_);
    is_broken_ = true;
    log::warn("{}; what is computed from now on is not kept in '{}'", problem.what(),
              folder_.string());
  }
}

void ActivationStore::write(const ActivationKey& key, std::string_view about,
                            const at::Tensor& values) const {
  const fs::path file = path_of(folder_, key);
  fs::create_directories(file.parent_path());
  const fs::path text = file.parent_path() / kAbout;
  if (!fs::exists(text)) {
    Replacement replacement(text);
    replacement.write(about.data(), about.size());
    replacement.finish_unsynced();
  }
  write_activations(file, values);
}

bool ActivationStore::takes(int64_t bytes) {
  const std::lock_guard lock(mutex_);
  return !is_broken_ && bytes <= budget_bytes_ - budget_bytes_ / kSpareParts;
}

void ActivationStore::make_room(int64_t bytes) {
  if (!used_bytes_) used_bytes_ = total(stored_files(folder_));
  // Other processes fill the folder as well, so a look now and then is due.
  const bool is_known = added_bytes_ <= budget_bytes_ / kSpareParts;
  if (is_known && *used_bytes_ + bytes <= budget_bytes_) return;
  std::vector<StoredFile> files = stored_files(folder_);  // others may have added and removed
  std::sort(files.begin(), files.end(), [](const StoredFile& a, const StoredFile& b) {
    return std::tie(a.last_used, a.path) < std::tie(b.last_used, b.path);
  });
  used_bytes_ = total(files);
  added_bytes_ = 0;
  if (*used_bytes_ + bytes <= budget_bytes_) return;
  const int64_t aim = budget_bytes_ - budget_bytes_ / kSpareParts - bytes;
  for (const StoredFile& file : files) {
    if (*used_bytes_ <= std::max<int64_t>(aim, 0)) break;
    std::error_code gone;
    fs::remove(file.path, gone);
    if (!gone) *used_bytes_ -= file.bytes;
  }
}

std::vector<ActivationStore::Group> ActivationStore::list(const fs::path& folder) {
  std::map<fs::path, Group> groups;
  for (const StoredFile& file : stored_files(folder)) {
    const fs::path place = file.path.parent_path();
    Group& group = groups[place];
    if (group.num_files == 0) {
      group = {place.filename().string(), content_of(place / kAbout), 0, 0, file.last_used};
    }
    ++group.num_files;
    group.bytes += file.bytes;
    group.last_used = std::max(group.last_used, file.last_used);
  }
  std::vector<Group> result;
  for (auto& [place, group] : groups) result.push_back(std::move(group));
  std::sort(result.begin(), result.end(), [](const Group& a, const Group& b) {
    return std::tie(b.last_used, a.name) < std::tie(a.last_used, b.name);
  });
  return result;
}

std::vector<ActivationStore::Damage> ActivationStore::verify(const fs::path& folder) {
  std::vector<Damage> result;
  for (const StoredFile& file : stored_files(folder)) {
    try {
      (void)map_activations(file.path);
    } catch (const Error& damage) {
      result.push_back({file.path, damage.what()});
    }
  }
  return result;
}

int64_t ActivationStore::clear(const fs::path& folder) {
  int64_t freed = 0;
  std::error_code error;
  for (const fs::path& group : folders_in(folder)) {
    for (const fs::path& file : files_in(group)) {
      if (!is_ours(file)) continue;
      const auto bytes = static_cast<int64_t>(fs::file_size(file, error));
      if (fs::remove(file, error) && file.extension() == kEnding) freed += bytes;
    }
    fs::remove(group, error);  // which it is only when it is empty
  }
  fs::remove(folder, error);
  return freed;
}

}  // namespace cl
