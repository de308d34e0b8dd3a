#include "core/features/activation_store.h"

#include <chrono>
#include <fstream>
#include <thread>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>

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
  for (const int64_t place : {1, 24, 24 + 64}) {  // last value, first value, first byte of all
    store.keep(key, "tokens", numbers(3));
    REQUIRE(ActivationStore::verify(folder.path()).empty());
    damage(file, place);
    CHECK(ActivationStore::verify(folder.path()).size() == 1);
    CHECK_FALSE(store.find(key, {3, 2}));
    CHECK_FALSE(fs::exists(file));
  }
  store.keep(key, "tokens", numbers(3));
  fs::resize_file(file, 70);
  CHECK_FALSE(store.find(key, {3, 2}));
  store.keep(key, "tokens", numbers(3));
  fs::resize_file(file, 20);
  CHECK_FALSE(store.find(key, {3, 2}));
}

TEST_CASE("the least recently used files go when the budget is spent", "[activations]") {
  const TempDir folder;
  const Tensor values = numbers(8);  // 64 bytes and the header's 64
  ActivationStore store(folder.path(), 600, "here");
  const std::string group = store.group("tokens");
  const auto now = fs::file_time_type::clock::now();
  for (int i = 0; i < 4; ++i) {
    const std::string piece = std::to_string(i);
    store.keep({group, piece}, "tokens", values);
    fs::last_write_time(folder.path() / group / (piece + ".act"), now - std::chrono::hours(9 - i));
  }
  REQUIRE(store.find({group, "0"}, {8, 2}));  // now the youngest
  store.keep({group, "4"}, "tokens", values);
  store.keep({group, "5"}, "tokens", values);
  CHECK(store.find({group, "0"}, {8, 2}));
  CHECK_FALSE(store.find({group, "1"}, {8, 2}));
  CHECK(store.find({group, "4"}, {8, 2}));
  CHECK(store.find({group, "5"}, {8, 2}));
  CHECK(store.takes(540));  // but a tenth, which is freed at once
  CHECK_FALSE(store.takes(541));
}

/// Memory of this process that belongs to files, as Linux counts it.
int64_t mapped_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kib = 0;
    if (word == "RssFile:" && status >> kib) return kib;
  }
  throw std::runtime_error("/proc/self/status has no RssFile");
}

TEST_CASE("pages of a mapped file leave the memory and come back", "[activations]") {
  constexpr int64_t kKib = 32 << 10;
  const TempDir folder;
  const Tensor values = numbers(kKib << 7);
  write_activations(folder.path() / "a.act", values);
  const int64_t before = mapped_kib();
  const Tensor mapped = map_activations(folder.path() / "a.act");
  CHECK(mapped_kib() < before + kKib / 4);
  CHECK(at::equal(mapped, values));
  CHECK(mapped_kib() > before + kKib / 2);
  release_pages(mapped);
  CHECK(mapped_kib() < before + kKib / 4);
  CHECK(at::equal(mapped, values));
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
      const ActivationKey key{store.group("tokens"), std::to_string(i)};
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
  CHECK(groups[0].bytes == 50 * (64 + 32));
  CHECK(groups[0].about == "tokens");
}

TEST_CASE("clearing removes what stores made and nothing else", "[activations]") {
  const TempDir folder;
  const fs::path root = folder.path() / "cache";
  ActivationStore store(root, kPlenty, "here");
  store.keep({store.group("tokens"), "0"}, "tokens", numbers(3));
  store.keep({store.group("tokens"), "1"}, "tokens", numbers(3));
  std::ofstream(root / "note.txt") << "mine";
  std::ofstream(root / store.group("tokens") / "2.act.77-0.draft") << "of a killed process";
  CHECK(ActivationStore::clear(root) == 2 * (64 + 24));
  CHECK(fs::exists(root / "note.txt"));
  CHECK_FALSE(fs::exists(root / store.group("tokens")));
  CHECK(ActivationStore::list(root).empty());
  CHECK(ActivationStore::clear(folder.path() / "nowhere") == 0);
}

}  // namespace
}  // namespace cl
