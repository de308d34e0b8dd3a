// Packages that come through made-up clients, and what is left when something goes wrong.
#include "experiments/data_packages.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stop_token>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/sha256.h"
#include "experiments/child_process.h"
#include "experiments/package_receipt.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl::experiments {
namespace {

namespace fs = std::filesystem;

/// A folder of programs that stand before all others in PATH.
class Programs {
 public:
  Programs() : path_(std::getenv("PATH")) {
    setenv("PATH", (folder_.path().string() + ":" + path_).c_str(), 1);
  }
  ~Programs() { setenv("PATH", path_.c_str(), 1); }
  Programs(const Programs&) = delete;
  Programs& operator=(const Programs&) = delete;

  void add(const std::string& name, const std::string& script) const {
    fs::permissions(folder_.write(name, "#!/bin/sh\n" + script), fs::perms::owner_all);
  }
  /// Hides the programs of the system.
  void only_these() const { setenv("PATH", folder_.path().c_str(), 1); }

 private:
  TempDir folder_;
  std::string path_;
};

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// An archive of npm with the files a.txt and sub/b.txt, and clients that bring it.
class World {
 public:
  World() {
    (void)made_.write("package/a.txt", "first");
    (void)made_.write("package/sub/b.txt", "second");
    const auto packed =
        run_program({"tar", "--create", "--gzip", "--file", "x.tgz", "package"}, made_.path());
    REQUIRE(packed.exit_code == 0);
    Sha256 hash;
    const std::string bytes = text_of(archive());
    hash.add(bytes.data(), bytes.size());
    package = {.manager = PackageManager::kNpm,
               .name = "@some/pictures",
               .version = "1.2.3",
               .megabytes = 1,
               .licence = "MIT",
               .sha256 = hash.hex(Sha256::kAllDigits)};
    programs.add("npm", fmt::format("echo \"$@\" >>'{}'\ncp '{}' .\n", calls().string(),
                                    archive().string()));
  }

  void fetch() const { fetch_package(package, root(), {}, {}); }
  [[nodiscard]] fs::path root() const { return folder_ / "root"; }
  [[nodiscard]] fs::path target() const { return root() / "some-pictures"; }
  [[nodiscard]] fs::path archive() const { return made_ / "x.tgz"; }
  [[nodiscard]] fs::path calls() const { return folder_ / "calls"; }
  /// All that is below the data root, at its top.
  [[nodiscard]] std::vector<std::string> entries() const {
    std::vector<std::string> result;
    for (const auto& entry : fs::directory_iterator(root())) {
      result.push_back(entry.path().filename().string());
    }
    return result;
  }

  Programs programs;
  DataPackage package;

 private:
  TempDir folder_, made_;
};

const std::vector<std::string> kNothing;

/// Clients of Debian whose packages hold one file, usr/a.
void add_debian(const Programs& programs) {
  programs.add("dpkg-query", "exit 1\n");
  programs.add("apt-get", "[ \"$1 $2\" = 'download --quiet' ] && echo deb >\"$3_2_all.deb\"\n");
  programs.add("dpkg-deb",
               "case \"$1\" in\n"
               "--extract) mkdir \"$3/usr\" && cp \"$2\" \"$3/usr/a\" ;;\n"
               "--field) echo 2.0-1 ;;\n"
               "esac\n");
}

DataPackage pictures_of_debian() {
  return {.manager = PackageManager::kApt,
          .name = "pictures",
          .version = {},
          .megabytes = 1,
          .licence = "MIT",
          .sha256 = {}};
}

}  // namespace

TEST_CASE("a package of npm comes whole, with a receipt, and is then here", "[data]") {
  const World world;
  CHECK(state_of(world.package, world.root()) == PackageState::kMissing);
  std::string steps;
  const FetchReport report{.step = [&](const std::string& text) { steps += text + "|"; }};
  fetch_package(world.package, world.root(), report, {});
  CHECK(text_of(world.calls()) == "pack @some/pictures@1.2.3 --loglevel=error\n");
  CHECK_THAT(steps, Contains("downloading 1 MB|") && Contains("unpacking|"));
  CHECK(text_of(world.target() / "a.txt") == "first");
  CHECK(text_of(world.target() / "sub/b.txt") == "second");
  CHECK(world.entries() == std::vector<std::string>{"some-pictures"});
  CHECK(state_of(world.package, world.root()) == PackageState::kFetched);
  CHECK(damage(world.package, world.root()).empty());
  const auto receipt = read_receipt(world.target());
  REQUIRE(receipt);
  CHECK(receipt->version == "1.2.3");
  CHECK(receipt->sha256 == world.package.sha256);
  CHECK(receipt->content.num_files == 2);
}

TEST_CASE("a flipped byte, a lost file and one too many are found, and fetching mends them",
          "[data]") {
  const World world;
  world.fetch();
  std::ofstream(world.target() / "a.txt") << "fIrst";
  CHECK_THAT(damage(world.package, world.root()), Contains("not as it came"));
  fs::remove(world.target() / "a.txt");
  CHECK(damage(world.package, world.root()) == "has 1 files, where 2 came");
  world.fetch();
  CHECK(damage(world.package, world.root()).empty());
  std::ofstream(world.target() / "c.txt") << "third";
  CHECK(damage(world.package, world.root()) == "has 3 files, where 2 came");
}

TEST_CASE("an archive with another digest is not kept", "[data]") {
  World world;
  const std::string expected = world.package.sha256;
  world.package.sha256 = std::string(64, '0');
  CHECK_THROWS_WITH(world.fetch(), Contains("has SHA-256 " + expected) && Contains("000000"));
  CHECK(world.entries() == kNothing);
}

TEST_CASE("a client that fails is quoted, and nothing is left", "[data]") {
  const World world;
  world.programs.add("npm", "echo half >half.tgz\necho 'no route to host' >&2\nexit 7\n");
  CHECK_THROWS_WITH(world.fetch(),
                    Contains("'npm pack @some/pictures@1.2.3 --loglevel=error' failed with exit "
                             "code 7") &&
                        Contains("is there a network?") && Contains("no route to host"));
  CHECK(world.entries() == kNothing);
  world.programs.add("npm", "exit 0\n");
  CHECK_THROWS_WITH(world.fetch(), Contains("'npm' left 0 files"));
  world.programs.only_these();
  CHECK_THROWS_WITH(world.fetch(), Contains("the program 'tar' is missing"));
}

TEST_CASE("a failure leaves the package that was there before", "[data]") {
  World world;
  world.fetch();
  world.package.version = "2.0.0";
  CHECK(state_of(world.package, world.root()) == PackageState::kOutdated);
  world.programs.add("npm", "exit 1\n");
  CHECK_THROWS_AS(world.fetch(), Error);
  CHECK(text_of(world.target() / "a.txt") == "first");
  CHECK(world.entries() == std::vector<std::string>{"some-pictures"});
}

TEST_CASE("what a killed process left half done is done anew", "[data]") {
  const World world;
  fs::create_directories(world.root() / "some-pictures.part/files");
  std::ofstream(world.root() / "some-pictures.part/files/half.txt") << "half";
  CHECK(state_of(world.package, world.root()) == PackageState::kMissing);
  world.fetch();
  CHECK_FALSE(fs::exists(world.target() / "half.txt"));
  CHECK(world.entries() == std::vector<std::string>{"some-pictures"});
}

TEST_CASE("a request to stop ends the client and leaves nothing", "[data]") {
  const World world;
  // It would take longer than any test, but that it is ended.
  world.programs.add("npm", "echo half >half.tgz\nexec sleep 600\n");
  std::stop_source stop;
  const FetchReport report{.step = [](const std::string&) {},
                           .progress = [&](double, double) { stop.request_stop(); }};
  CHECK_THROWS_AS(fetch_package(world.package, world.root(), report, stop.get_token()), Stopped);
  CHECK(world.entries() == kNothing);
}

TEST_CASE("a folder without a receipt is somebody's own", "[data]") {
  const World world;
  fs::create_directories(world.target());
  CHECK(state_of(world.package, world.root()) == PackageState::kForeign);
  CHECK(damage(world.package, world.root()) == "has no receipt");
  std::ofstream(world.target() / "clsim-receipt.json") << "{}";
  CHECK(state_of(world.package, world.root()) == PackageState::kDamaged);
  CHECK_THAT(damage(world.package, world.root()),
             StartsWith("has a receipt that cannot be used (") && Contains("is no receipt"));
}

TEST_CASE("a package of Debian comes by apt-get and dpkg-deb", "[data]") {
  const Programs programs;
  const TempDir folder;
  add_debian(programs);
  const DataPackage package = pictures_of_debian();
  fetch_package(package, folder.path(), {}, {});
  CHECK(text_of(folder / "pictures/usr/a") == "deb\n");
  CHECK(read_receipt(folder / "pictures")->version == "2.0-1");
  CHECK(state_of(package, folder.path()) == PackageState::kFetched);
  programs.add("apt-get", "echo 'E: Unable to locate package pictures'\nexit 100\n");
  CHECK_THROWS_WITH(fetch_package(package, folder.path(), {}, {}),
                    Contains("'apt-get update'") && Contains("Unable to locate"));
}

TEST_CASE("what the system has installed is here, if all of its files are", "[data]") {
  const Programs programs;
  const TempDir folder;
  const auto file = folder.write("picture", "x");
  programs.add("dpkg-query",
               fmt::format("case \"$1\" in\n--show) printf installed ;;\n--listfiles) echo '{}' "
                           ";;\nesac\n",
                           file.string()));
  const DataPackage package = pictures_of_debian();
  CHECK(state_of(package, folder / "root") == PackageState::kInstalled);
  fs::remove(file);
  CHECK(state_of(package, folder / "root") == PackageState::kMissing);
}

TEST_CASE("SVG files are drawn beside themselves", "[data]") {
  World world;
  world.package.svg = {"sub"};
  world.programs.add("npm", fmt::format("cp '{}' .\n", world.archive().string()));
  world.programs.add("rsvg-convert", "echo \"$@\" >\"$6\"\n");
  // Made while unpacking, as the archive has none.
  world.programs.add("tar", "mkdir sub && echo svg >sub/c.svg && echo svg >sub/-d.svg\n");
  world.fetch();
  CHECK(text_of(world.target() / "sub/c.png") ==
        "--width 72 --height 72 --output ./c.png ./c.svg\n");
  CHECK(fs::exists(world.target() / "sub/-d.png"));
  CHECK(read_receipt(world.target())->content.num_files == 4);
  world.programs.add("rsvg-convert", "echo 'no svg' >&2\nexit 1\n");
  CHECK_THROWS_WITH(
      world.fetch(),
      Contains(".svg: 'rsvg-convert' could not draw it (exit code 1)") && Contains("no svg"));
}

TEST_CASE("drawings say what to install where rsvg-convert is missing", "[data]") {
  World world;
  world.package.svg = {"sub"};
  world.programs.add("tar", "");
  world.programs.only_these();
  CHECK_THROWS_WITH(world.fetch(), Contains("librsvg2-bin"));
  CHECK_FALSE(fs::exists(world.calls()));  // before anything is downloaded
}

TEST_CASE("the sources with packages are known by name", "[data]") {
  const auto all = packaged_sources();
  CHECK(all.size() > 3);
  for (const PackagedSource& source : all) CHECK_FALSE(source.packages.empty());
  CHECK(packaged_sources({"emoji"}).front().packages.size() == 3);
  CHECK_THROWS_WITH(packaged_sources({"emoji", "emojis"}), Contains("'emojis'"));
  CHECK(packages_of(packaged_sources({"emoji", "digits", "emoji"})).size() == 4);
}

TEST_CASE("the verb brings, checks and mends data, and its exit code tells", "[data]") {
  const Programs programs;
  const TempDir folder;
  add_debian(programs);
  // clsim lies beside the test's own binary.
  const std::string clsim = (fs::read_symlink("/proc/self/exe").parent_path() / "clsim").string();
  const auto data = [&](const std::vector<std::string>& words) {
    std::vector<std::string> arguments{clsim, "data"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    arguments.insert(arguments.end(), {"--data", folder.path().string()});
    return run_program(arguments, folder.path());
  };
  CHECK(data({"verify"}).exit_code == 0);
  CHECK(data({"verify", "digits"}).exit_code == 1);
  CHECK(data({"get", "digit"}).exit_code == 2);
  const auto first = data({"get", "digits"});
  INFO(first.output);
  CHECK(first.exit_code == 0);
  CHECK_THAT(first.output, Contains("opencv-doc  95.7 MB  licence: Apache-2.0"));
  CHECK_THAT(data({"get", "digits"}).output, Contains("opencv-doc: is here and whole"));
  CHECK_THAT(data({"list"}).output, Contains("digits ") && Contains(" yes "));
  std::ofstream(folder / "opencv-doc/usr/a") << "bed\n";
  const auto damaged = data({"verify"});
  CHECK(damaged.exit_code == 1);
  CHECK_THAT(damaged.output, Contains("opencv-doc: DAMAGED"));
  CHECK(data({"get", "digits"}).exit_code == 0);
  CHECK(data({"verify"}).exit_code == 0);
  programs.add("apt-get", "echo 'no route' >&2\nexit 100\n");
  const auto failed = data({"get", "photos", "digits"});
  CHECK(failed.exit_code == 1);
  CHECK_THAT(failed.output, Contains("no route") && Contains("1 of 1 packages did not come"));
}

TEST_CASE("a program's output and end are known", "[data]") {
  const TempDir folder;
  const auto result = run_program(
      {"sh", "-c", "echo out; echo \"$1\" >&2; pwd; exit 3", "sh", "a b"}, folder.path());
  CHECK(result.exit_code == 3);
  CHECK(result.output == "out\na b\n" + folder.path().string() + "\n");
  {
    // A pipe whose reader is gone ends a program, whatever it does to this process.
    const auto own = std::signal(SIGPIPE, SIG_IGN);
    CHECK(run_program({"sh", "-c", "kill -PIPE $$"}, folder.path()).exit_code == 128 + SIGPIPE);
    std::signal(SIGPIPE, own);
  }
  CHECK(run_program({"sh", "-c", "kill -9 $$"}, folder.path()).exit_code == 137);
  CHECK_THROWS_WITH(run_program({"no-such-program"}, folder.path()),
                    Contains("'no-such-program' cannot be started"));
  CHECK(has_program("sh"));
  CHECK_FALSE(has_program("no-such-program"));
  CHECK(last_words("1\n\n2\n3\n4\n5\n6\n7\n") == "2\n  3\n  4\n  5\n  6\n  7");
  CHECK(last_words("\n") == "it said nothing");
}

}  // namespace cl::experiments
