#include "tests/conformance/transcript.h"

#include <cmath>
#include <fstream>
#include <sstream>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tests/support/catch.h"

namespace cl::conformance {
namespace {

constexpr double kAccuracyTolerance = 0.02;  // rounding differs between machines

double accuracy(const Evaluation& evaluation) {
  int64_t right = 0;
  for (size_t i = 0; i < evaluation.labels.size(); ++i) {
    right += evaluation.labels[i] == evaluation.predictions[i] ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(evaluation.labels.size());
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

}  // namespace

std::filesystem::path transcript_file(const std::string& learner) {
  return std::filesystem::path(CL_SOURCE_DIR) / "tests" / "golden" / (learner + ".txt");
}

std::string transcript(const std::string& learner, const RunRecord& record) {
  std::string text = fmt::format("learner {}\n", learner);
  for (const SizeRecord& size : record.sizes) {
    text += fmt::format("after {} trainable {} added {} total {} adapters [{}]\n", size.after,
                        size.count.trainable, size.count.added, size.count.total,
                        fmt::join(size.adapters_per_block, " "));
  }
  for (const Expansion& event : record.expansions) {
    text += fmt::format("expansion experience {} step {} layer {} {} {}\n", event.experience,
                        event.step, event.layer, event.module, event.added_parameters);
  }
  for (const Evaluation& evaluation : record.evaluations) {
    text += fmt::format("accuracy after {} on {} {:.4f}\n", evaluation.after, evaluation.on,
                        accuracy(evaluation));
  }
  return text;
}

void check_transcript(const std::string& learner, const RunRecord& record) {
  INFO("a new learner gets its transcript from the case [.regenerate]");
  std::ifstream file(transcript_file(learner));
  REQUIRE(file.good());
  std::istringstream text(transcript(learner, record));
  const auto found = lines(text), expected = lines(file);
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) check_line(found[i], expected[i]);
}

}  // namespace cl::conformance
