// Every learner's run on three experiences of blobs, against a transcript that people can read.
//
// After a change of results on purpose: run this binary with "[.regenerate]" and look at the
// difference.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "tests/conformance/world.h"

namespace cl::conformance {
namespace {

constexpr double kAccuracyTolerance = 0.02;  // rounding differs between machines

std::filesystem::path transcript_file(const std::string& learner) {
  return std::filesystem::path(CL_SOURCE_DIR) / "tests" / "golden" / (learner + ".txt");
}

double accuracy(const Evaluation& evaluation) {
  int64_t right = 0;
  for (size_t i = 0; i < evaluation.labels.size(); ++i) {
    right += evaluation.labels[i] == evaluation.predictions[i] ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(evaluation.labels.size());
}

/// Words and counts are compared exactly; lines that begin with "accuracy" hold decimals.
std::string transcript(const Learners::Entry& entry) {
  const auto stream = blobs();
  Run run(entry, *stream);
  run.conduct();
  std::string text = fmt::format("learner {}\n", entry.name);
  for (const SizeRecord& size : run.record.sizes) {
    text += fmt::format("after {} trainable {} added {} total {} adapters [{}]\n", size.after,
                        size.count.trainable, size.count.added, size.count.total,
                        fmt::join(size.adapters_per_block, " "));
  }
  for (const Expansion& event : run.record.expansions) {
    text += fmt::format("expansion experience {} step {} layer {} {} {}\n", event.experience,
                        event.step, event.layer, event.module, event.added_parameters);
  }
  for (const Evaluation& evaluation : run.record.evaluations) {
    text += fmt::format("accuracy after {} on {} {:.4f}\n", evaluation.after, evaluation.on,
                        accuracy(evaluation));
  }
  return text;
}

std::vector<std::string> lines(std::istream& in) {
  std::vector<std::string> result;
  for (std::string line; std::getline(in, line);) result.push_back(line);
  return result;
}

void check_line(const std::string& found, const std::string& expected) {
  if (!expected.starts_with("accuracy")) {
    CHECK(found == expected);
    return;
  }
  const size_t split = expected.rfind(' ');
  CHECK(found.substr(0, split) == expected.substr(0, split));
  CHECK(std::abs(std::stod(found.substr(split)) - std::stod(expected.substr(split))) <=
        kAccuracyTolerance);
}

TEST_CASE("runs on blobs give what their transcripts say", "[conformance][golden]") {
  for (const auto& entry : Learners::get().entries()) {
    INFO(entry->name << "; a new learner gets its transcript from the case [.regenerate]");
    std::ifstream file(transcript_file(entry->name));
    REQUIRE(file.good());
    std::istringstream text(transcript(*entry));
    const auto found = lines(text), expected = lines(file);
    REQUIRE(found.size() == expected.size());
    for (size_t i = 0; i < found.size(); ++i) check_line(found[i], expected[i]);
  }
}

TEST_CASE("write the transcripts anew", "[.regenerate]") {
  for (const auto& entry : Learners::get().entries()) {
    std::ofstream file(transcript_file(entry->name));
    file << transcript(*entry);
    CHECK(file.good());
  }
}

}  // namespace
}  // namespace cl::conformance
