#include "core/base/replacement.h"

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/failing_writes.h"
#include "tests/support/other_user.h"
#include "tests/support/temp_dir.h"

namespace cl {
namespace {

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_through(const std::filesystem::path& target, std::string_view text) {
  Replacement replacement(target);
  replacement.write(text.data(), text.size());
  replacement.finish();
}

struct stat status_of(const std::filesystem::path& file) {
  struct stat status {};
  REQUIRE(lstat(file.c_str(), &status) == 0);
  return status;
}

unsigned mode_of(const std::filesystem::path& file) {
  return status_of(file).st_mode & 07777U;
}

int64_t num_files(const TempDir& folder) {
  return std::distance(std::filesystem::directory_iterator(folder.path()), {});
}

}  // namespace

TEST_CASE("a file keeps its old content until its replacement is finished", "[base]") {
  const TempDir folder;
  const auto file = folder.write("a.txt", "old");
  Replacement replacement(file);
  replacement.write("new ", 4);
  replacement.write("text", 4);
  CHECK(content(file) == "old");
  CHECK(num_files(folder) == 2);
  replacement.finish();
  CHECK(content(file) == "new text");
  CHECK(num_files(folder) == 1);
}

TEST_CASE("a replacement that is given up leaves nothing behind", "[base]") {
  const TempDir folder;
  const auto file = folder.write("a.txt", "old");
  { Replacement(file).write("new", 3); }
  CHECK(content(file) == "old");
  CHECK(num_files(folder) == 1);
}

TEST_CASE("two replacements of one file at a time do not share a draft", "[base]") {
  const TempDir folder;
  Replacement first(folder / "a.txt"), second(folder / "a.txt");
  CHECK(first.draft() != second.draft());
  first.write("1", 1);
  second.write("2", 1);
  first.finish();
  second.finish();
  CHECK(content(folder / "a.txt") == "2");
  CHECK(num_files(folder) == 1);
}

TEST_CASE("a replacement in a missing folder is an error that names the file", "[base]") {
  const TempDir folder;
  CHECK_THROWS_WITH(Replacement(folder / "no/a.txt"),
                    Contains("no/a.txt: cannot create the file: No such file"));
}

TEST_CASE("a replaced file keeps its permissions, a new one has the user's", "[base]") {
  const TempDir folder;
  const auto file = folder.write("a.txt", "old");
  const mode_t mode = GENERATE(0600, 0640, 0664, 0755);
  REQUIRE(chmod(file.c_str(), mode) == 0);
  write_through(file, "new");
  CHECK(content(file) == "new");
  CHECK(mode_of(file) == mode);

  const mode_t mask = umask(027);
  write_through(folder / "new.txt", "new");
  umask(mask);
  CHECK(mode_of(folder / "new.txt") == 0640);
}

TEST_CASE("a file that root replaces keeps its owner and group", "[base]") {
  if (geteuid() != 0) return;  // who else may give files away?
  const TempDir folder;
  const auto file = folder.write("a.txt", "old");
  REQUIRE(chown(file.c_str(), 1234, 5678) == 0);
  write_through(file, "new");
  CHECK(status_of(file).st_uid == 1234);
  CHECK(status_of(file).st_gid == 5678);
}

TEST_CASE("what was meant for a group goes to no other group", "[base]") {
  if (geteuid() != 0) return;
  const TempDir folder;
  const auto file = folder.write("a.txt", "old");
  REQUIRE(chmod(folder.path().c_str(), 0777) == 0);
  REQUIRE(chmod(file.c_str(), 0664) == 0);
  REQUIRE(chown(file.c_str(), 1234, 5678) == 0);
  CHECK(holds_for(1234, [&] {  // who is in root's groups, but not in 5678
    write_through(file, "new");
    return true;
  }));
  CHECK(status_of(file).st_gid == 0);
  CHECK(mode_of(file) == 0644);
}

TEST_CASE("a file that is protected against writing is not replaced", "[base]") {
  const TempDir folder;
  const auto file = folder.write("a.txt", "old");
  REQUIRE(chmod(folder.path().c_str(), 0777) == 0);
  REQUIRE(chmod(file.c_str(), 0444) == 0);
  const auto is_refused = [&] {
    try {
      write_through(file, "new");
    } catch (const Error& error) {
      return std::string_view(error.what())
          .ends_with("a.txt: cannot be written to: Permission denied");
    }
    return false;
  };
  CHECK((geteuid() == 0 ? holds_for(65534, is_refused) : is_refused()));
  CHECK(content(file) == "old");
  CHECK(num_files(folder) == 1);
}

TEST_CASE("what does not come back from the disk as it was written replaces nothing", "[base]") {
  const TempDir folder;
  const auto file = folder.write("a.txt", "old");
  {
    Replacement replacement(file);
    replacement.write("new ", 4);
    const FailingWrite failing(0, WriteFault::kZeros);
    replacement.write("text", 4);
    CHECK(failing.has_happened());
    CHECK_THROWS_WITH(replacement.finish(), Contains("a.txt: holds other bytes than were written"));
  }
  {
    Replacement replacement(file);
    replacement.write("new", 3);
    const FailingWrite failing(0, WriteFault::kFull);
    CHECK_THROWS_WITH(
        replacement.finish(),
        Contains("a.txt: cannot bring the file to the disk: No space left on device"));
  }
  CHECK(content(file) == "old");
  CHECK(num_files(folder) == 1);
}

TEST_CASE("what a link that a user names leads to is replaced, and the link stays", "[base]") {
  const TempDir folder;
  const auto file = folder.write("there/a.txt", "old");
  REQUIRE(chmod(file.c_str(), 0600) == 0);
  std::filesystem::create_directory(folder / "here");
  std::filesystem::create_symlink("../there/a.txt", folder / "here/first");
  std::filesystem::create_symlink(folder / "here/first", folder / "second");
  write_through(followed(folder / "second"), "new");
  CHECK(content(file) == "new");
  CHECK(mode_of(file) == 0600);
  CHECK(std::filesystem::read_symlink(folder / "here/first") == "../there/a.txt");
  CHECK(std::filesystem::is_symlink(folder / "second"));

  std::filesystem::create_symlink("not_yet.txt", folder / "there/dangling");
  write_through(followed(folder / "there/dangling"), "made");
  CHECK(content(folder / "there/not_yet.txt") == "made");
  CHECK(std::filesystem::is_symlink(folder / "there/dangling"));

  std::filesystem::create_symlink("b", folder / "a");
  std::filesystem::create_symlink("a", folder / "b");
  CHECK_THROWS_WITH(followed(folder / "a"), Contains("/a: ") && Contains("circle"));
  CHECK(followed(folder / "nothing") == folder / "nothing");
}

TEST_CASE("a link in the place of a file of ours is replaced, not what it leads to", "[base]") {
  const TempDir folder;
  const auto other = folder.write("other.txt", "precious");
  std::filesystem::create_symlink(other, folder / "a.txt");
  write_through(folder / "a.txt", "new");
  CHECK(content(other) == "precious");
  CHECK_FALSE(std::filesystem::is_symlink(folder / "a.txt"));
  CHECK(content(folder / "a.txt") == "new");
}

TEST_CASE("a pipe with a name is written to", "[base]") {
  const TempDir folder;
  const auto pipe = folder / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(reader >= 0);
  Replacement replacement(pipe);
  std::ofstream(replacement.draft()) << "new text";  // as a library that opens files itself
  const auto draft = replacement.draft();
  replacement.finish();
  std::string text(100, '\0');
  const ssize_t size = read(reader, text.data(), text.size());
  close(reader);
  REQUIRE(size == 8);
  CHECK(text.starts_with("new text"));
  CHECK(S_ISFIFO(status_of(pipe).st_mode));
  CHECK(num_files(folder) == 1);
  CHECK_FALSE(std::filesystem::exists(draft));
}

TEST_CASE("a device is written to, and says when it is full", "[base]") {
  for (const char* device : {"/dev/null", "/dev/full"}) REQUIRE(S_ISCHR(status_of(device).st_mode));
  write_through("/dev/null", "text");
  CHECK(S_ISCHR(status_of("/dev/null").st_mode));
  CHECK_THROWS_WITH(write_through("/dev/full", "text"),
                    Contains("/dev/full: cannot write the file: No space left on device"));
  const TempDir folder;
  std::filesystem::create_symlink("/dev/null", folder / "link");
  write_through(followed(folder / "link"), "text");
  CHECK(std::filesystem::is_symlink(folder / "link"));
}

TEST_CASE("an open file of this process is written to where it stands", "[base]") {
  const TempDir folder;
  const auto file = folder.write("a.txt", "");
  const int descriptor = open(file.c_str(), O_WRONLY | O_CLOEXEC);
  REQUIRE(descriptor >= 0);
  REQUIRE(write(descriptor, "first ", 6) == 6);
  const ino_t inode = status_of(file).st_ino;
  const std::string name = GENERATE(as<std::string>{}, "/dev/fd", "/proc/self/fd");
  write_through(followed(fmt::format("{}/{}", name, descriptor)), "second ");
  REQUIRE(write(descriptor, "third", 5) == 5);
  close(descriptor);
  CHECK(content(file) == "first second third");
  CHECK(status_of(file).st_ino == inode);
  CHECK_THROWS_AS(Replacement(fmt::format("/dev/fd/{}", descriptor)), Error);  // no longer open
}

TEST_CASE("what can be no file is refused by name", "[base]") {
  const TempDir folder;
  std::filesystem::create_directory(folder / "d");
  CHECK_THROWS_WITH(Replacement(folder / "d"), Contains("/d: is a folder, expected a file"));
  CHECK_THROWS_WITH(Replacement(folder / "e/"), Contains("/e/': expected the name of a file"));
  CHECK_THROWS_WITH(Replacement(""), Contains("expected the name of a file"));
  std::filesystem::create_symlink("d", folder / "link");
  CHECK_THROWS_WITH(require_writable(folder / "link"), Contains("/d: is a folder"));
  CHECK_THROWS_WITH(require_writable(folder / "no/a.txt"), Contains("No such file"));
}

TEST_CASE("to ask whether a file can be written changes nothing", "[base]") {
  const TempDir folder;
  const auto file = folder.write("a.txt", "old");
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  const auto inode = status_of(file).st_ino;
  require_writable(file);
  require_writable(folder / "b.txt");
  require_writable(folder / "pipe");  // does not wait for a reader
  CHECK(content(file) == "old");
  CHECK(status_of(file).st_ino == inode);
  CHECK(num_files(folder) == 2);
}

}  // namespace cl
