// What the verbs print and write: it arrives where it is sent, or is an error.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <opencv2/imgcodecs.hpp>
#include <sys/stat.h>

#include "tests/experiments/command_line.h"
#include "tests/streams/small_images.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl::experiments {
namespace {

namespace fs = std::filesystem;

const std::string kBackbone =
    "{vit: {preset: custom, image_size: 8, patch_size: 4, width: 8, depth: 2, heads: 2, weights: "
    "random}}";

/// A suite over SmallImages.
fs::path write_suite(const SmallImages& images, const std::string& more = "") {
  return images.folder().write("a.yaml", "stream: {split_images: {source: " + kSmallSource +
                                             ", transform: {image_size: 8, normalise: half}}}\n"
                                             "backbone: " +
                                             kBackbone + "\nlearner: simplecil\n" + more);
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The one file of that ending in `folder`.
fs::path file_ending(const fs::path& folder, const std::string& ending) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().string().ends_with(ending)) found.push_back(entry.path());
  }
  REQUIRE(found.size() == 1);
  return found.front();
}

/// Whether a terminal shows all of `text` and does nothing else.
bool is_harmless(const std::string& text) {
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f) return false;
  }
  return true;
}

/// A safetensors file by hand: x [1, 3, 8, 8] of zeros, 192 numbers of 4 bytes.
void write_x(const TempDir& folder) {
  std::string header = R"({"x":{"dtype":"F32","shape":[1,3,8,8],"data_offsets":[0,768]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  (void)folder.write("x.safetensors", bytes + header + std::string(768, '\0'));
}

}  // namespace

TEST_CASE("what a full disk does not take is an error of every verb", "[experiments]") {
  const SmallImages images(4, 6, 2);
  write_suite(images, "checkpoint: last\n");
  write_x(images.folder());
  const fs::path& here = images.root();
  const Finished run = clsim("run a.yaml --data . --out out --cache-gib 0 >/dev/full", here);
  INFO(run.text);
  CHECK(run.code == 1);
  CHECK_THAT(run.text, Contains("standard output: cannot be written: No space left on device"));
  // The run itself is fine all the same.
  const std::string record = file_ending(here / "out", ".h5").string();
  const std::string learner = file_ending(here / "out", ".safetensors").string();
  for (const std::string& verb :
       {std::string("--help"), std::string("--version"), std::string("list learner"),
        std::string("check a.yaml --data ."), std::string("table out"), std::string("plot out"),
        "show " + record, "predict " + learner + " x.safetensors",
        std::string("stream show a.yaml --data ."),
        std::string("stream export a.yaml --data . --out s.json"),
        std::string("stream import s.json --data ."), std::string("cache list"),
        std::string("data list --data ."),
        "features --backbone '" + kBackbone + "' --out f.h5 x.safetensors"}) {
    const Finished result = clsim(verb + " >/dev/full", here);
    INFO(verb);
    INFO(result.text);
    CHECK(result.code == 1);
    const size_t message = result.text.find("clsim: ");
    REQUIRE(message != std::string::npos);  // the only one: all else went well
    CHECK(result.text.substr(message) ==
          "clsim: standard output: cannot be written: No space left on device\n");
  }
  // A mistake stays what it is.
  CHECK(clsim("list --describe semma >/dev/full", here).code == 2);
}

TEST_CASE("results go through links and into pipes, and keep permissions", "[experiments]") {
  const SmallImages images(4, 6, 2);
  write_suite(images);
  const fs::path& here = images.root();
  REQUIRE(clsim("stream export a.yaml --data . --out plain.json", here).code == 0);
  const std::string plain = text_of(here / "plain.json");
  REQUIRE(plain.size() > 100);

  (void)images.folder().write("there/s.json", "old");
  REQUIRE(chmod((here / "there/s.json").c_str(), 0600) == 0);
  fs::create_symlink("there/s.json", here / "link.json");
  CHECK(clsim("stream export a.yaml --data . --out link.json", here).code == 0);
  CHECK(fs::is_symlink(here / "link.json"));
  CHECK(text_of(here / "there/s.json") == plain);
  struct stat status {};
  REQUIRE(stat((here / "there/s.json").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600);

  // Nothing is mixed into what goes to standard output, pipe or file.
  CHECK(shell("\"$CLSIM\" stream export a.yaml --data . --out /dev/stdout 2>err | cat >piped.json",
              here)
            .code == 0);
  CHECK(text_of(here / "piped.json") == plain);
  CHECK_THAT(text_of(here / "err"), Contains("stream     split_images"));
  CHECK(clsim("stream export a.yaml --data . --out /dev/stdout 2>err >kept.json", here).code == 0);
  CHECK(text_of(here / "kept.json") == plain);

  CHECK(shell("mkfifo pipe.json && { cat pipe.json >read.json & } && "
              "\"$CLSIM\" stream export a.yaml --data . --out pipe.json && wait",
              here)
            .code == 0);
  CHECK(text_of(here / "read.json") == plain);
  CHECK(fs::is_fifo(here / "pipe.json"));

  CHECK(clsim("stream export a.yaml --data . --out /dev/null", here).code == 0);
  CHECK(fs::is_character_file("/dev/null"));
  const Finished full = clsim("stream export a.yaml --data . --out /dev/full", here);
  CHECK(full.code == 1);
  CHECK_THAT(full.text, Contains("/dev/full: cannot write the file: No space left on device"));
}

TEST_CASE("tensors and traces go through links and into pipes as well", "[experiments]") {
  const SmallImages images(4, 6, 2);
  write_suite(images);
  write_x(images.folder());
  const fs::path& here = images.root();
  const std::string features = "features --backbone '" + kBackbone + "' x.safetensors --out ";
  for (const std::string ending : {".h5", ".safetensors"}) {
    INFO(ending);
    REQUIRE(clsim(features + "plain" + ending, here).code == 0);
    fs::create_symlink("new" + ending, here / ("link" + ending));
    CHECK(clsim(features + "link" + ending, here).code == 0);
    CHECK(fs::is_symlink(here / ("link" + ending)));
    CHECK(text_of(here / ("new" + ending)) == text_of(here / ("plain" + ending)));
    CHECK(shell(fmt::format("mkfifo pipe{0} && {{ cat pipe{0} >read{0} & }} && \"$CLSIM\" {1} "
                            "pipe{0} && wait",
                            ending, features),
                here)
              .code == 0);
    CHECK(text_of(here / ("read" + ending)) == text_of(here / ("plain" + ending)));
  }
  fs::create_symlink("trace.json", here / "link.json");
  CHECK(clsim("run a.yaml --data . --out out --cache-gib 0 --trace link.json", here).code == 0);
  CHECK(fs::is_symlink(here / "link.json"));
  CHECK_THAT(text_of(here / "trace.json"), StartsWith("{\"traceEvents\":["));
}

TEST_CASE("an output that cannot be written is told before the work", "[experiments]") {
  const SmallImages images(4, 6, 2);
  write_suite(images);
  const fs::path& here = images.root();
  fs::create_directory(here / "folder.h5");
  fs::create_symlink("b.json", here / "a.json");
  fs::create_symlink("a.json", here / "b.json");
  // Each has an input that is missing as well, or work to do that leaves its traces.
  const std::vector<std::pair<std::string, std::string>> commands{
      {"run a.yaml --data . --out out --trace no/t.json", "no/t.json: cannot create the file"},
      {"run a.yaml --data . --out out --trace a.json", "a.json: cannot create the file: its links"},
      {"bench a.yaml --data nowhere --csv no/b.csv", "no/b.csv: cannot create the file"},
      {"bench a.yaml --data nowhere --svg no/b.svg", "no/b.svg: cannot create the file"},
      {"features --backbone '" + kBackbone + "' --out no/f.h5 lost.png", "no/f.h5: cannot create"},
      {"features --backbone '" + kBackbone + "' --out folder.h5 lost.png",
       "folder.h5: is a folder"},
      {"predict lost.safetensors lost.png --out no/p.h5", "no/p.h5: cannot create the file"},
      {"stream show a.yaml --data nowhere --out no/s.png", "no/s.png: cannot create the file"},
      {"stream export a.yaml --data nowhere --out no/s.json", "no/s.json: cannot create the file"},
      {"stream import lost.json --out no/s.yaml", "no/s.yaml: cannot create the file"}};
  for (const auto& [command, message] : commands) {
    const Finished result = clsim(command, here);
    INFO(command);
    INFO(result.text);
    CHECK(result.code == 1);
    CHECK_THAT(result.text, Contains(message));
  }
  CHECK_FALSE(fs::exists(here / "out"));
}

TEST_CASE("the reason of a failure is written into its own file, not through a link",
          "[experiments]") {
  const TempDir folder;
  const auto precious = folder.write("precious.txt", "precious");
  (void)folder.write("broken.safetensors", "no weights");
  (void)folder.write("a.yaml", R"(
stream: {blobs: {classes: 4, experiences: 2, train_per_class: 8, test_per_class: 4}}
backbone: {vit: {preset: custom, image_size: 8, patch_size: 4, width: 8, depth: 2, heads: 2, weights: broken.safetensors}}
learner: simplecil
)");
  const std::string id = clsim("check a.yaml 2>/dev/null", folder.path()).text.substr(0, 16);
  const fs::path failure = folder.path() / "out" / (id + ".failed.txt");
  fs::create_directory(folder / "out");
  fs::create_symlink(precious, failure);
  const Finished result = clsim("run a.yaml --out out --cache-gib 0", folder.path());
  INFO(result.text);
  CHECK(result.code == 1);
  CHECK_THAT(result.text, Contains("1 failed (see out/*.failed.txt)"));
  CHECK(text_of(precious) == "precious");
  CHECK_FALSE(fs::is_symlink(failure));
  CHECK_THAT(text_of(failure), Contains("broken.safetensors"));

  fs::remove(failure);
  fs::create_directory(failure);  // what takes its place cannot be written
  const Finished lost = clsim("run a.yaml --out out --cache-gib 0", folder.path());
  CHECK(lost.code == 1);
  CHECK_THAT(lost.text,
             Contains("and so did its report: ") && Contains(".failed.txt: is a folder"));
}

TEST_CASE("control characters of names reach no output", "[experiments]") {
  const SmallImages images(4, 6, 2);
  const fs::path& here = images.root();
  write_suite(images,
              "checkpoint: last\nsweep: {stream.split_images.source.idx.folder: [\"b\\e[2J\"]}\n");
  fs::copy(here / "small", here / "b\x1b[2J");
  const Finished run = clsim("run a.yaml --cache-gib 0 --out out", here);
  INFO(run.text);
  REQUIRE(run.code == 0);
  CHECK(is_harmless(run.text));
  REQUIRE(cv::imwrite((here / "x.png").string(), cv::Mat(8, 8, CV_8UC3, cv::Scalar(1, 2, 3))));
  fs::rename(here / "x.png", here / "x\x1b[2J\x7f.png");
  const std::string learner = file_ending(here / "out", ".safetensors").string();
  const std::string predicted = clsim("predict " + learner + " x*.png", here).text;
  CHECK(is_harmless(predicted));
  CHECK_THAT(predicted, Contains("input,class,name,probability\nx\\x1b[2J\\x7f.png,"));
  for (const char* verb : {"check a.yaml", "show out/*.h5", "check 'lost\x1b[2J.yaml'",
                           "list learner 'fly\x1b[2J'", "list --describe 'fly\x1b[2J'"}) {
    const std::string text = clsim(verb, here).text;
    INFO(text);
    CHECK(is_harmless(text));
    CHECK_THAT(text, Contains("\\x1b[2J"));
  }
}

TEST_CASE("a damaged receipt is named, and the other packages are listed", "[experiments][data]") {
  const TempDir folder;
  const std::string whole = clsim("data list --data .", folder.path()).text;
  (void)folder.write("opencv-doc/clsim-receipt.json", "{");
  const Finished list = clsim("data list --data .", folder.path());
  INFO(list.text);
  CHECK(list.code == 1);
  CHECK_THAT(list.text, Contains("damaged") && Contains("clsim-receipt.json: is no receipt") &&
                            Contains("clsim data get"));
  // As many lines of the table as there were, and one for the damage behind an empty one.
  CHECK(std::count(list.text.begin(), list.text.end(), '\n') ==
        std::count(whole.begin(), whole.end(), '\n') + 2);
  const Finished verify = clsim("data verify --data .", folder.path());
  CHECK(verify.code == 1);
  CHECK_THAT(verify.text, Contains("DAMAGED: has a receipt that cannot be used"));
}

}  // namespace cl::experiments
