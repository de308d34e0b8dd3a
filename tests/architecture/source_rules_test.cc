// What no file may call, be named, or lie beside.
#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/architecture/source_tree.h"
#include "tests/support/catch.h"

namespace cl::architecture {
namespace {

namespace fs = std::filesystem;

/// A call that makes results depend on more than the keys, and why.
struct Forbidden {
  std::string pattern, reason;
};

const std::vector<Forbidden>& forbidden() {
  static const std::vector<Forbidden> kForbidden{
      {R"(\bmanual_seed\s*\()", "seeds a process-wide generator; use RngKey"},
      {R"(\bs?rand\s*\(\s*\))", "draws from a process-wide generator; use RngKey"},
      {R"(\bsrand\s*\()", "seeds a process-wide generator; use RngKey"},
      {R"(\brandom_device\b)", "is different at every run; use RngKey"},
      {R"(\bat::rand(n|int|perm)?(_like)?\s*\()", "draws without a key; use core/nn/init.h"},
      {R"(\btorch::rand)", "draws without a key; use core/nn/init.h"},
      {R"(\bdropout_?\s*\()", "draws from a process-wide generator"},
      {R"(\btorch::data\b)", "shuffles without a key"},
      {R"(\btorch::nn\b)", "constructs from a process-wide generator"},
      {R"(\bstd::(uniform_(real|int)|normal|bernoulli)_distribution)",
       "differs between standard libraries; use core/base/rng.h"},
      {R"(\bstd::shuffle\s*\()", "differs between standard libraries; use cl::permutation"}};
  return kForbidden;
}

/// Where `code`, that of `file`, first has what `pattern` describes, "core/x.cc:3: 'text'"; empty
/// if nowhere.
std::string find(const SourceFile& file, const std::string& code, const std::regex& pattern) {
  std::smatch match;
  if (!std::regex_search(code, match, pattern)) return "";
  const auto line = 1 + std::count(code.begin(), code.begin() + match.position(), '\n');
  return file.path + ":" + std::to_string(line) + ": '" + match.str() + "'";
}

}  // namespace

TEST_CASE("no file draws randomness that has no key", "[architecture]") {
  for (const SourceFile& file : source_files()) {
    // A test of the rule itself may name what it forbids.
    if (file.path.starts_with("tests/")) continue;
    const std::string code = code_only(file.text);
    for (const Forbidden& rule : forbidden()) {
      const std::string place = find(file, code, std::regex(rule.pattern));
      if (!place.empty()) FAIL_CHECK(place << " " << rule.reason);
    }
  }
}

TEST_CASE("products are counted where they are computed", "[architecture]") {
  // What counts, and what is not to be counted: optimisers, merging, orthogonal starts.
  const std::set<std::string> exempt{"core/nn/flops.cc",          "core/nn/layers.cc",
                                     "core/nn/small_products.cc", "core/nn/adapters/lora.cc",
                                     "core/train/muon.cc",        "learners/coda_prompt.cc"};
  const std::regex product(
      R"(\bat::(linear|matmul|b?mm|mv|(b?add|ba)\w*mm|addmv|conv\dd|conv_transpose\dd|convolution|)"
      R"(einsum|dot|inner|tensordot|bilinear|cdist|chain_matmul|linalg_multi_dot|scaled_dot_product_attention)(_out)?\s*\()"
      R"(|\.(matmul|b?mm|mv|add(b?mm|mv)_?|baddbmm_?|dot)\s*\()");
  size_t num_exempt = 0;
  for (const SourceFile& file : source_files()) {
    if (!file.path.starts_with("core/") && !file.path.starts_with("learners/")) continue;
    if (file.path.starts_with("core/merge/")) continue;
    const std::string place = find(file, code_only(file.text), product);
    if (place.empty()) continue;
    if (exempt.contains(file.path)) {
      ++num_exempt;
      continue;
    }
    FAIL_CHECK(place << " is not counted; use what core/nn/flops.h or layers.h has");
  }
  CHECK(num_exempt == exempt.size());
}

TEST_CASE("the search for forbidden calls sees code and passes over comments and texts",
          "[architecture]") {
  CHECK(code_only("a // rand()\nb") == "a          \nb");
  CHECK(code_only("f(\"rand()\\\"\"); g") == "f(          ); g");
  CHECK(code_only("/* x\ny */z") == "    \n    z");
  CHECK(code_only("R\"(a\nb)\" c") == "    \n    c");
  CHECK(code_only("1'000 + 'x'") == "1'000 +    ");
  CHECK(std::regex_search(std::string("x = at::randn({2})"), std::regex(forbidden()[4].pattern)));
  CHECK_FALSE(std::regex_search(std::string("operand()"), std::regex(forbidden()[1].pattern)));
}

TEST_CASE("learners and networks never name a device themselves", "[architecture]") {
  const std::regex device(R"(\bkCUDA\b|c10::DeviceType|\bc10::Device\s*\()");
  for (const SourceFile& file : source_files()) {
    if (!file.path.starts_with("learners/") && !file.path.starts_with("core/nn/")) continue;
    const std::string place = find(file, code_only(file.text), device);
    if (!place.empty()) FAIL_CHECK(place);
  }
}

TEST_CASE("no file has a name that says nothing", "[architecture]") {
  const std::set<std::string> empty_names{"util",   "utils",   "common",  "misc",
                                          "helper", "helpers", "manager", "stuff"};
  for (const SourceFile& file : source_files()) {
    INFO(file.path);
    const fs::path path(file.path);
    CHECK_FALSE(empty_names.contains(path.stem().string()));
    for (const fs::path& part : path.parent_path())
      CHECK_FALSE(empty_names.contains(part.string()));
  }
}

TEST_CASE("every header is guarded by pragma once and opens with what it is for",
          "[architecture]") {
  for (const SourceFile& file : source_files()) {
    if (!file.is_header()) continue;
    INFO(file.path);
    CHECK(file.text.find("#pragma once\n") != std::string::npos);
    CHECK(file.text.starts_with("// "));
  }
}

TEST_CASE("the top level holds the rooms of the house and nothing else", "[architecture]") {
  const std::set<std::string> rooms{"core",        "learners",       "streams",
                                    "experiments", "analysis",       "tests",
                                    "findings",    "CMakeLists.txt", "README.md"};
  std::set<std::string> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(CL_SOURCE_DIR)) {
    const std::string name = entry.path().filename().string();
    const bool is_made = name == "results" || name.starts_with("build");
    if (!name.starts_with('.') && !is_made) found.insert(name);
  }
  CHECK(found == rooms);
}

}  // namespace cl::architecture
