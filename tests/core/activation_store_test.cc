#include "core/features/activation_store.h"

#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <fmt/format.h>
#include <unistd.h>

#include "core/base/replacement.h"
#include "core/features/activation_file.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl {
namespace {

namespace fs = std::filesystem;
using at::Tensor;

constexpr int64_t kPlenty = 1 << 20;

Tensor numbers(int64_t rows, float first = 0) {
  return at::arange(rows * 2, at::kFloat).reshape({rows, 2}) + first;
}

/// Turns one bit of the byte at `place` from the end.
void damage(const fs::path& file, int64_t place) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(-place, std::ios::end);
  const int byte = stream.get();
  stream.seekp(-place, std::ios::end);
  stream.put(static_cast<char>(byte ^ 1));
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

void age(const fs::path& file, std::chrono::minutes by) {
  fs::last_write_time(file, fs::file_time_type::clock::now() - by);
}

constexpr const char* kOldGroup = "0123456789abcdef";

/// What versions without a mark left: a group with one piece of 100 bytes.
void write_old_cache(const fs::path& folder) {
  write_file(folder / kOldGroup / "about.txt", "old tokens");
  write_file(folder / kOldGroup / "test-0.act", "CLSIMAC1" + std::string(92, '\1'));
}

TEST_CASE("what a store keeps is found again, by another one as well", "[activations]") {
  const TempDir folder;
  ActivationStore store(folder.path(), kPlenty, "here");
  const std::string group = store.group("tokens");
  CHECK_FALSE(store.find({group, "test-0"}, {3, 2}));
  store.keep({group, "test-0"}, "tokens", numbers(3));
  const auto found =
      ActivationStore(folder.path(), kPlenty, "here").find({group, "test-0"}, {3, 2});
  REQUIRE(found);
  CHECK(at::equal(*found, numbers(3)));
  CHECK_FALSE(store.find({group, "test-1"}, {3, 2}));
}

TEST_CASE("another maker or another text is another group", "[activations]") {
  const ActivationStore here("x", 0, "here"), there("x", 0, "there");
  CHECK(here.group("tokens") == here.group("tokens"));
  CHECK(here.group("tokens") != there.group("tokens"));
  CHECK(here.group("tokens") != here.group("features"));
}

TEST_CASE("a damaged file is found out, removed and made anew", "[activations]") {
  const TempDir folder;
  ActivationStore store(folder.path(), kPlenty, "here");
  const ActivationKey key{store.group("tokens"), "test-0"};
  const fs::path file = folder.path() / key.group / "test-0.act";
  for (const int64_t place : {1, 24, 24 + 128}) {  // last value, first value, first byte of all
    store.keep(key, "tokens", numbers(3));
    REQUIRE(ActivationStore::verify(folder.path()).empty());
    damage(file, place);
    CHECK(ActivationStore::verify(folder.path()).size() == 1);
    CHECK_FALSE(store.find(key, {3, 2}));
    CHECK_FALSE(fs::exists(file));
    store.keep(key, "tokens", numbers(3));
    damage(file, place);
    CHECK(store.find_rows(key, {3, 2}) == nullptr);
    CHECK_FALSE(fs::exists(file));
  }
  for (const uintmax_t size : {140, 20, 0}) {
    store.keep(key, "tokens", numbers(3));
    fs::resize_file(file, size);
    CHECK_FALSE(store.find(key, {3, 2}));
    CHECK_FALSE(fs::exists(file));
  }
}

TEST_CASE("no byte of a file's header can change unnoticed", "[activations]") {
  const TempDir folder;
  ActivationStore store(folder.path(), kPlenty, "here");
  const ActivationKey key{store.group("tokens"), "test-0"};
  for (int64_t place = 1; place <= kActivationHeaderBytes; ++place) {
    store.keep(key, "tokens", numbers(3));
    damage(folder.path() / key.group / "test-0.act", 24 + place);
    INFO(place);
    CHECK_FALSE(store.find(key, {3, 2}));
  }
}

TEST_CASE("files of one shape under each other's names are not used", "[activations]") {
  const TempDir folder;
  ActivationStore store(folder.path(), kPlenty, "here");
  const std::string group = store.group("tokens"), other = store.group("others");
  store.keep({group, "test-0"}, "tokens", numbers(3));
  store.keep({group, "test-1"}, "tokens", numbers(3, 50));
  store.keep({other, "test-0"}, "others", numbers(3, 70));
  const auto file = [&](const std::string& of, const std::string& name) {
    return folder.path() / of / name;
  };
  fs::rename(file(group, "test-0.act"), file(group, "aside"));
  fs::rename(file(group, "test-1.act"), file(group, "test-0.act"));
  fs::rename(file(group, "aside"), file(group, "test-1.act"));
  const auto damages = ActivationStore::verify(folder.path());
  REQUIRE(damages.size() == 2);
  CHECK_THAT(damages[0].reason, Contains("was written as '" + group + "/test-1'"));
  CHECK_FALSE(store.find({group, "test-0"}, {3, 2}));
  CHECK(store.find_rows({group, "test-1"}, {3, 2}) == nullptr);
  store.keep({group, "test-0"}, "tokens", numbers(3));
  fs::copy_file(file(other, "test-0.act"), file(group, "test-0.act"),
                fs::copy_options::overwrite_existing);
  CHECK_FALSE(store.find({group, "test-0"}, {3, 2}));
  CHECK(store.find({other, "test-0"}, {3, 2}));
}

TEST_CASE("the least recently used files go when the budget is spent", "[activations]") {
  const TempDir folder;
  const Tensor values = numbers(8);  // 64 bytes and the header's 128
  ActivationStore store(folder.path(), 900, "here");
  const std::string group = store.group("tokens");
  for (int i = 0; i < 4; ++i) {
    const std::string piece = "test-" + std::to_string(i);
    store.keep({group, piece}, "tokens", values);
    age(folder.path() / group / (piece + ".act"), std::chrono::hours(9 - i));
  }
  REQUIRE(store.find({group, "test-0"}, {8, 2}));  // now the youngest
  store.keep({group, "test-4"}, "tokens", values);
  store.keep({group, "test-5"}, "tokens", values);
  CHECK(store.find({group, "test-0"}, {8, 2}));
  CHECK_FALSE(store.find({group, "test-1"}, {8, 2}));
  CHECK(store.find({group, "test-4"}, {8, 2}));
  CHECK(store.find({group, "test-5"}, {8, 2}));
  CHECK(store.takes(810));  // but a tenth, which is freed at once
  CHECK_FALSE(store.takes(811));
}

TEST_CASE("a group goes with its last file", "[activations]") {
  const TempDir folder;
  ActivationStore store(folder.path(), 400, "here");
  const std::string first = store.group("first"), second = store.group("second");
  store.keep({first, "test-0"}, "first", numbers(8));
  age(folder.path() / first / "test-0.act", std::chrono::minutes(5));
  store.keep({second, "test-0"}, "second", numbers(8, 1));
  store.keep({second, "test-1"}, "second", numbers(8, 2));
  CHECK_FALSE(fs::exists(folder.path() / first));
  CHECK(text_of(folder.path() / second / "about.txt") == "second");
}

/// Memory of this process, as Linux counts it.
int64_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kib = 0;
    if (word == "VmRSS:" && status >> kib) return kib;
  }
  throw std::runtime_error("/proc/self/status has no VmRSS");
}

/// Rows `first` and the next of a tensor of two columns.
std::vector<float> two_rows(const StoredRows& rows, int64_t first) {
  std::vector<float> result(4);
  REQUIRE(rows.read(first, std::as_writable_bytes(std::span(result))));
  return result;
}

TEST_CASE("rows are read without the others", "[activations]") {
  constexpr int64_t kKib = 32 << 10;
  constexpr int64_t kRows = kKib << 7;
  const TempDir folder;
  ActivationStore store(folder.path(), kKib << 11, "here");
  const ActivationKey key{store.group("tokens"), "test-0"};
  store.keep(key, "tokens", numbers(kRows));
  const int64_t before = resident_kib();
  const auto rows = store.find_rows(key, {kRows, 2});
  REQUIRE(rows != nullptr);
  CHECK(two_rows(*rows, 0) == std::vector<float>{0, 1, 2, 3});
  CHECK(two_rows(*rows, 700) == std::vector<float>{1400, 1401, 1402, 1403});
  CHECK(resident_kib() < before + kKib / 4);
}

TEST_CASE("a file that is cut while its rows are read is no longer read", "[activations]") {
  const TempDir folder;
  const ActivationKey key{std::string(16, 'a'), "test-0"};
  const auto cache = std::make_shared<const CacheFolder>(folder.path());
  cache->claim();
  const fs::path file = cache->place_of(key.group, "test-0.act");
  write_activations(file, key, numbers(1000));
  // A file that stays open and one that is opened each time.
  const int64_t num_slots = GENERATE(1, 0);
  const auto slots = std::make_shared<StoredRows::Slots>(num_slots);
  const StoredRows rows(cache, key, ActivationFile(OpenFile(file), key), slots);
  CHECK(two_rows(rows, 998) == std::vector<float>{1996, 1997, 1998, 1999});
  fs::resize_file(file, 5000);
  std::vector<std::byte> row(8);
  CHECK_FALSE(rows.read(998, row));
}

TEST_CASE("a file that is removed while its rows are read is there as long as it is open",
          "[activations]") {
  const TempDir folder;
  ActivationStore store(folder.path(), kPlenty, "here");
  const ActivationKey key{store.group("tokens"), "test-0"};
  store.keep(key, "tokens", numbers(10));
  const auto rows = store.find_rows(key, {10, 2});
  REQUIRE(rows != nullptr);
  const fs::path file = folder.path() / key.group / "test-0.act";
  const auto none = std::make_shared<StoredRows::Slots>(0);
  const StoredRows closed(std::make_shared<const CacheFolder>(folder.path()), key,
                          ActivationFile(OpenFile(file), key), none);
  CHECK(two_rows(closed, 4) == std::vector<float>{8, 9, 10, 11});
  (void)ActivationStore::clear(folder.path());
  CHECK(two_rows(*rows, 4) == std::vector<float>{8, 9, 10, 11});
  std::vector<std::byte> row(8);
  CHECK_FALSE(closed.read(4, row));
  store.keep(key, "tokens", numbers(10, 70));  // another file is not what was checked
  CHECK_FALSE(closed.read(4, row));
}

TEST_CASE("a folder that cannot be written to means no cache, and no failure", "[activations]") {
  const TempDir folder;
  std::ofstream(folder.path() / "file") << "in the way";
  ActivationStore store(folder.path() / "file", kPlenty, "here");
  const ActivationKey key{store.group("tokens"), "test-0"};
  CHECK(store.takes(1));
  CHECK_NOTHROW(store.keep(key, "tokens", numbers(3)));
  CHECK_FALSE(store.takes(1));
  CHECK_FALSE(store.find(key, {3, 2}));
}

TEST_CASE("two stores that fill one folder at once agree", "[activations]") {
  const TempDir folder;
  const auto fill = [&] {
    ActivationStore store(folder.path(), kPlenty, "here");
    for (int i = 0; i < 50; ++i) {
      const ActivationKey key{store.group("tokens"), "test-" + std::to_string(i)};
      const auto first = static_cast<float>(i);
      if (const auto found = store.find(key, {4, 2})) {
        if (!at::equal(*found, numbers(4, first))) throw Error("other values");
      } else {
        store.keep(key, "tokens", numbers(4, first));
      }
    }
  };
  std::thread other(fill);
  fill();
  other.join();
  CHECK(ActivationStore::verify(folder.path()).empty());
  const auto groups = ActivationStore::list(folder.path());
  REQUIRE(groups.size() == 1);
  CHECK(groups[0].num_files == 50);
  CHECK(groups[0].bytes == 50 * (128 + 32));
  CHECK(groups[0].about == "tokens");
}

TEST_CASE("clearing removes what stores made and nothing else", "[activations]") {
  const TempDir folder;
  const fs::path root = folder.path() / "cache";
  ActivationStore store(root, kPlenty, "here");
  const std::string group = store.group("tokens"), kept = store.group("others");
  store.keep({group, "test-0"}, "tokens", numbers(3));
  store.keep({group, "test-1"}, "tokens", numbers(3));
  store.keep({kept, "test-0"}, "others", numbers(3));
  write_file(root / group / "test-2.act.77-0.draft", "of a killed process");
  const std::vector<fs::path> others{"note.txt", "about.txt", "test-0.act", "photos/test-0.act",
                                     "photos/about.txt"};
  const std::vector<fs::path> inner{"about.txt.bak",          "notes.act",  "test-0.act.draft",
                                    "test-0.act.7-0.draft.x", "Test-0.act", "test-x.act",
                                    "x.act.77-0.draft"};
  for (const fs::path& other : others) write_file(root / other, "mine");
  for (const fs::path& other : inner) write_file(root / kept / other, "mine");
  CHECK(ActivationStore::clear(root) == 3 * (128 + 24) + 19);
  for (const fs::path& other : others) CHECK(text_of(root / other) == "mine");
  for (const fs::path& other : inner) CHECK(text_of(root / kept / other) == "mine");
  CHECK_FALSE(fs::exists(root / group));
  CHECK_FALSE(fs::exists(root / kept / "about.txt"));
  CHECK(ActivationStore::list(root).empty());
  CHECK(ActivationStore::clear(root) == 0);
  CHECK(ActivationStore::clear(folder.path() / "nowhere") == 0);
  CHECK_FALSE(fs::exists(folder.path() / "nowhere"));
}

TEST_CASE("a new cache is marked for backup programs and as clsim's", "[activations]") {
  const TempDir folder;
  const fs::path root = folder.path() / "new/cache";
  const CacheFolder cache(root);
  CHECK_FALSE(cache.is_marked());
  cache.claim();
  CHECK(cache.is_marked());
  // The 43 bytes of the specification.
  CHECK_THAT(text_of(root / "CACHEDIR.TAG"),
             StartsWith("Signature: 8a477f597d28d172789f06886806bc55\n# clsim: "));
  CHECK(std::distance(fs::directory_iterator(root), {}) == 1);
  (void)cache.clear();
  CHECK(cache.is_marked());
}

TEST_CASE("a folder that is no cache of clsim is neither written to nor emptied", "[activations]") {
  const TempDir folder;
  const fs::path root = folder.path() / "work";
  const auto [name, text] = GENERATE(table<std::string, std::string>(
      {{"note.txt", "mine"},
       {"0123456789abcdef/thesis.txt", "mine"},
       {"0123456789abcdef/test-0.act", "mine, by chance of this name"},
       {"0123456789abcdef0/test-0.act", "CLSIMAC1"},
       {"photos/about.txt", "mine"},
       {"CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n# another program's\n"}}));
  INFO(name);
  write_old_cache(root);
  write_file(root / name, text);
  ActivationStore store(root, 200, "here");
  const std::string group = store.group("tokens");
  store.keep({group, "test-0"}, "tokens", numbers(3));
  CHECK_FALSE(store.takes(1));
  CHECK_FALSE(fs::exists(root / group));
  CHECK_THROWS_WITH(ActivationStore::clear(root),
                    Contains("has no mark of a cache of clsim") &&
                        Contains("so nothing was removed; it holds '"));
  CHECK(text_of(root / name) == text);
  CHECK(fs::exists(root / kOldGroup));
}

TEST_CASE("a cache of a version without a mark is cleared by hand, or marked when used",
          "[activations]") {
  const TempDir folder;
  const fs::path root = folder.path() / "cache";
  write_old_cache(root);
  CHECK_THROWS_WITH(
      ActivationStore::clear(root),
      Contains("looks like the cache of an earlier version: remove the folder by hand"));
  REQUIRE(fs::exists(root / kOldGroup / "test-0.act"));
  auto groups = ActivationStore::list(root);
  REQUIRE(groups.size() == 1);
  CHECK(groups[0].about == "old tokens");
  CHECK(groups[0].bytes == 100);
  CHECK(ActivationStore::verify(root).empty());  // of another version is not damaged
  age(root / kOldGroup / "test-0.act", std::chrono::hours(1));

  ActivationStore store(root, 400, "here");
  store.keep({store.group("tokens"), "test-0"}, "tokens", numbers(3));  // 152 bytes
  CHECK(CacheFolder(root).is_marked());
  CHECK(ActivationStore::list(root).size() == 2);
  store.keep({store.group("tokens"), "test-1"}, "tokens", numbers(3));
  CHECK_FALSE(fs::exists(root / kOldGroup));  // 100 + 2 * 152 are more than 400
  CHECK(store.find({store.group("tokens"), "test-0"}, {3, 2}));
  CHECK(ActivationStore::clear(root) == 2 * 152);
}

TEST_CASE("a file of an earlier version under today's name is made anew", "[activations]") {
  const TempDir folder;
  ActivationStore store(folder.path(), kPlenty, "here");
  const ActivationKey key{store.group("tokens"), "test-0"};
  CacheFolder(folder.path()).claim();
  write_file(folder.path() / key.group / "test-0.act", "CLSIMAC1" + std::string(200, '\1'));
  CHECK_FALSE(store.find(key, {3, 2}));
  store.keep(key, "tokens", numbers(3));
  CHECK(store.find(key, {3, 2}));
}

TEST_CASE("links in a cache are neither followed nor removed", "[activations]") {
  const TempDir folder;
  const fs::path root = folder.path() / "cache", outside = folder.path() / "outside";
  ActivationStore store(root, 450, "here");
  const std::string group = store.group("tokens"), linked = store.group("linked");
  // Twice the form of a cache's own files, outside.
  write_file(outside / "about.txt", "mine");
  write_file(outside / "test-0.act", "CLSIMAC2" + std::string(5000, '\1'));
  store.keep({group, "test-0"}, "tokens", numbers(3));
  fs::create_directory_symlink(outside, root / linked);
  fs::create_symlink(outside / "test-0.act", root / group / "test-7.act");

  CHECK(ActivationStore::list(root).size() == 1);
  CHECK(ActivationStore::list(root)[0].bytes == 152);
  CHECK_FALSE(store.find({linked, "test-0"}, {3, 2}));
  CHECK_FALSE(store.find({group, "test-7"}, {3, 2}));
  store.keep({group, "test-1"}, "tokens", numbers(3));
  store.keep({group, "test-2"}, "tokens", numbers(3));  // for which test-0 goes
  CHECK(ActivationStore::clear(root) > 0);
  CHECK(fs::is_symlink(root / linked));
  CHECK(fs::is_symlink(root / group / "test-7.act"));
  CHECK(text_of(outside / "about.txt") == "mine");
  CHECK(text_of(outside / "test-0.act").size() == 5008);

  ActivationStore(root, kPlenty, "here").keep({linked, "test-1"}, "linked", numbers(3));
  ActivationStore(root, kPlenty, "here").keep({group, "test-7"}, "tokens", numbers(3));
  CHECK_FALSE(fs::exists(outside / "test-1.act"));
  CHECK(text_of(outside / "test-0.act").size() == 5008);
}

TEST_CASE("the folder of a cache itself may be a link", "[activations]") {
  const TempDir folder;
  fs::create_directory(folder / "disk");
  fs::create_directory_symlink(folder / "disk", folder / "cache");
  ActivationStore store(folder / "cache", kPlenty, "here");
  const ActivationKey key{store.group("tokens"), "test-0"};
  store.keep(key, "tokens", numbers(3));
  CHECK(store.find(key, {3, 2}));
  CHECK(ActivationStore::clear(folder / "cache") == 152);
  CHECK(fs::is_symlink(folder / "cache"));
}

TEST_CASE("drafts count, are listed, and go when their process has ended", "[activations]") {
  const TempDir folder;
  const fs::path root = folder.path();
  ActivationStore store(root, 1000, "here");
  const std::string group = store.group("tokens");
  store.keep({group, "test-0"}, "tokens", numbers(3));
  {
    // As a process leaves it that is killed; another one is at work.
    Replacement mine(root / group / "test-1.act");
    mine.write(std::string(300, 'x').data(), 300);
    CHECK(ActivationStore::list(root).at(0).num_drafts == 1);
    CHECK(ActivationStore::list(root).at(0).num_files == 1);
    CHECK(ActivationStore::list(root).at(0).bytes == 152 + 300);
  }
  const auto draft = [&](int64_t process, int piece) {
    return root / group / fmt::format("test-{}.act.{}-0.draft", piece, process);
  };
  constexpr int64_t kNobody = 1 << 30;  // beyond what Linux gives
  const fs::path dead = draft(kNobody, 1), fresh = draft(kNobody, 2), live = draft(getpid(), 3),
                 old = draft(getpid(), 4);
  for (const fs::path& file : {dead, fresh, live, old}) write_file(file, std::string(100, 'x'));
  age(dead, std::chrono::minutes(2));
  age(live, std::chrono::hours(2));
  age(old, std::chrono::hours(25));
  // 152 of a file and 400 of drafts are there; 2 * 280 more do not fit.
  ActivationStore other(root, 1000, "here");
  other.keep({group, "test-5"}, "tokens", numbers(19));
  CHECK(fs::exists(dead));
  other.keep({group, "test-6"}, "tokens", numbers(19));
  CHECK_FALSE(fs::exists(dead));
  CHECK_FALSE(fs::exists(old));
  CHECK(fs::exists(fresh));
  CHECK(fs::exists(live));
  (void)ActivationStore::clear(root);
  CHECK_FALSE(fs::exists(root / group));
}

}  // namespace
}  // namespace cl
