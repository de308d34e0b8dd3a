#include "core/features/activation_store.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <signal.h>  // kill is POSIX, not in <csignal>
#include <sys/resource.h>

#include "core/base/check.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/replacement.h"
#include "core/data/content_digest.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

using Kind = CachedFile::Kind;

/// Of the budget, a tenth more than is needed is freed, so that not every file that comes makes all
/// be looked at.
constexpr int64_t kSpareParts = 10;
/// A draft is written in seconds. Whether its process is there is known on its own machine only,
/// hence a minute's grace.
constexpr std::chrono::minutes kGrace(1);
constexpr std::chrono::hours kLongestDraft(24);
/// Files that stay open: half of what a process may have, within limits.
constexpr int64_t kFewestOpen = 16, kMostOpen = 16384;

int64_t num_slots() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kFewestOpen;
  const auto half = std::min(limit.rlim_cur / 2, static_cast<rlim_t>(kMostOpen));
  return std::max(static_cast<int64_t>(half), kFewestOpen);
}

int64_t total(const std::vector<CachedFile>& files) {
  int64_t sum = 0;
  for (const CachedFile& file : files) sum += file.bytes;
  return sum;
}

/// What counts towards the budget: all but descriptions.
std::vector<CachedFile> counted_files(const CacheFolder& folder) {
  std::vector<CachedFile> files = folder.files();
  std::erase_if(files, [](const CachedFile& file) { return file.kind == Kind::kAbout; });
  return files;
}

bool is_stale(const CachedFile& draft) {
  const auto age = fs::file_time_type::clock::now() - draft.last_used;
  const bool has_ended = ::kill(static_cast<pid_t>(draft.writer), 0) != 0 && errno == ESRCH;
  return age > kLongestDraft || (has_ended && age > kGrace);
}

std::string piece_of(const CachedFile& file) {
  return fs::path(file.name).stem().string();
}

std::string about_of(const CacheFolder& folder, const std::string& group) {
  constexpr int64_t kMostBytes = 1 << 16;
  try {
    const auto file = folder.open(group, kAboutName);
    if (!file) return "";
    std::string text(static_cast<size_t>(std::min(file->size(), kMostBytes)), '\0');
    file->read(0, std::as_writable_bytes(std::span(text)));
    return text;
  } catch (const Error&) {
    return "";
  }
}

}  // namespace

ActivationStore::ActivationStore(fs::path folder, int64_t budget_bytes, std::string maker,
                                 std::string learner_code)
    : folder_(std::make_shared<const CacheFolder>(std::move(folder))),
      slots_(std::make_shared<StoredRows::Slots>(num_slots())),
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
  std::optional<at::Tensor> result;
  with_file(key, shape, [&](ActivationFile file) { result = file.read(); });
  return result;
}

std::unique_ptr<const StoredRows> ActivationStore::find_rows(const ActivationKey& key,
                                                             at::IntArrayRef shape) {
  std::unique_ptr<const StoredRows> result;
  with_file(key, shape, [&](ActivationFile file) {
    file.check();
    result = std::make_unique<const StoredRows>(folder_, key, std::move(file), slots_);
  });
  return result;
}

void ActivationStore::with_file(const ActivationKey& key, at::IntArrayRef shape,
                                const Use& use) const {
  if (!folder_->is_marked()) return;
  const std::string name = activations_name(key.piece);
  try {
    auto found = folder_->open(key.group, name);
    if (!found) return;
    ActivationFile file(*std::move(found), key);
    if (at::IntArrayRef(file.sizes()) != shape) {
      throw DamagedActivations(file.file().path().string() + ": another shape");
    }
    file.file().touch();  // its time of last use
    use(std::move(file));
  } catch (const DamagedActivations& damage) {
    log::warn("{}; removed, and computed anew", damage.what());
    (void)folder_->remove(std::vector<CachedFile>{{.group = key.group, .name = name}});
  } catch (const Error& problem) {
    log::warn("{}; computed anew", problem.what());
  }
}

void ActivationStore::keep(const ActivationKey& key, std::string_view about,
                           const at::Tensor& values) {
  CL_CHECK(is_group(key.group) && is_piece(key.piece), "'{}/{}'", key.group, key.piece);
  const auto bytes = static_cast<int64_t>(values.nbytes()) + kActivationHeaderBytes;
  try {
    {
      const std::lock_guard lock(mutex_);
      if (is_broken_ || bytes > budget_bytes_) return;
      folder_->claim();
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
              folder_->path().string());
  }
}

void ActivationStore::write(const ActivationKey& key, std::string_view about,
                            const at::Tensor& values) const {
  folder_->claim();
  const fs::path text = folder_->place_of(key.group, kAboutName);
  if (!fs::exists(text)) {
    Replacement replacement(text);
    replacement.write(about.data(), about.size());
    replacement.finish_unsynced();
  }
  write_activations(folder_->place_of(key.group, activations_name(key.piece)), key, values);
}

bool ActivationStore::takes(int64_t bytes) {
  const std::lock_guard lock(mutex_);
  return !is_broken_ && bytes <= budget_bytes_ - budget_bytes_ / kSpareParts;
}

void ActivationStore::make_room(int64_t bytes) {
  if (!used_bytes_) used_bytes_ = total(counted_files(*folder_));
  // Other processes fill the folder as well, so a look now and then is due.
  const bool is_known = added_bytes_ <= budget_bytes_ / kSpareParts;
  if (is_known && *used_bytes_ + bytes <= budget_bytes_) return;
  std::vector<CachedFile> files = counted_files(*folder_);  // others may have added and removed
  used_bytes_ = total(files);
  added_bytes_ = 0;
  if (*used_bytes_ + bytes <= budget_bytes_) return;
  std::erase_if(
      files, [](const CachedFile& file) { return file.kind == Kind::kDraft && !is_stale(file); });
  const auto rank = [](const CachedFile& file) {
    return std::tuple(file.kind != Kind::kDraft, file.last_used, file.group, file.name);
  };
  std::sort(files.begin(), files.end(),
            [&](const CachedFile& a, const CachedFile& b) { return rank(a) < rank(b); });
  const int64_t aim = std::max<int64_t>(budget_bytes_ - budget_bytes_ / kSpareParts - bytes, 0);
  int64_t left = *used_bytes_;
  const auto enough = std::find_if(files.begin(), files.end(), [&](const CachedFile& file) {
    if (left <= aim) return true;
    left -= file.bytes;
    return false;
  });
  files.erase(enough, files.end());
  *used_bytes_ -= total(folder_->remove(files));
}

std::vector<ActivationStore::Group> ActivationStore::list(const fs::path& folder) {
  const CacheFolder cache(folder);
  std::map<std::string, Group> groups;
  for (const CachedFile& file : counted_files(cache)) {
    if (file.group.empty()) continue;
    Group& group = groups[file.group];
    if (group.name.empty()) {
      group = {file.group, about_of(cache, file.group), 0, 0, 0, file.last_used};
    }
    ++(file.kind == Kind::kDraft ? group.num_drafts : group.num_files);
    group.bytes += file.bytes;
    group.last_used = std::max(group.last_used, file.last_used);
  }
  std::vector<Group> result;
  for (auto& [name, group] : groups) result.push_back(std::move(group));
  std::sort(result.begin(), result.end(), [](const Group& a, const Group& b) {
    return std::tie(b.last_used, a.name) < std::tie(a.last_used, b.name);
  });
  return result;
}

std::vector<ActivationStore::Damage> ActivationStore::verify(const fs::path& folder) {
  const CacheFolder cache(folder);
  std::vector<Damage> result;
  for (const CachedFile& file : cache.files()) {
    if (file.kind != Kind::kActivations) continue;
    try {
      auto found = cache.open(file.group, file.name);
      if (found) ActivationFile(*std::move(found), {file.group, piece_of(file)}).check();
    } catch (const OtherActivations&) {
      // Not damaged, only out of use: it goes when the budget is spent.
    } catch (const Error& damage) {
      result.push_back({folder / file.group / file.name, damage.what()});
    }
  }
  return result;
}

int64_t ActivationStore::clear(const fs::path& folder) {
  return CacheFolder(folder).clear();
}

}  // namespace cl
