#include "tests/conformance/transcript.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tests/support/catch.h"

namespace cl::conformance {
namespace {

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

/// A line that ends in decimals: those are the words with a point.
struct Measured {
  std::string words;
  std::vector<double> decimals;
};

Measured measured(const std::string& line) {
  Measured result;
  std::istringstream rest(line);
  for (std::string word; rest >> word;) {
    if (word.find('.') == std::string::npos) {
      result.words += word + ' ';
    } else {
      result.decimals.push_back(std::stod(word));
    }
  }
  return result;
}

/// The largest difference of the decimals, and the largest of the expected ones.
std::pair<double, double> deviation(const std::string& found_line,
                                    const std::string& expected_line) {
  const Measured found = measured(found_line), expected = measured(expected_line);
  CHECK(found.words == expected.words);
  REQUIRE(found.decimals.size() == expected.decimals.size());
  double largest = 0, scale = 0;
  for (size_t i = 0; i < expected.decimals.size(); ++i) {
    largest = std::max(largest, std::abs(found.decimals[i] - expected.decimals[i]));
    scale = std::max(scale, std::abs(expected.decimals[i]));
  }
  return {largest, scale};
}

}  // namespace

std::filesystem::path transcript_file(const std::string& learner) {
  return std::filesystem::path(CL_SOURCE_DIR) / "tests" / "golden" / (learner + ".txt");
}

std::string transcript(const std::string& learner, const RunRecord& record,
                       std::span<const at::Tensor> logits) {
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
  for (size_t k = 0; k < logits.size(); ++k) {
    const at::Tensor row = logits[k].to(at::kFloat).contiguous();
    const std::span values(row.data_ptr<float>(), static_cast<size_t>(row.numel()));
    text += fmt::format("logits of sample {} {:#.7g}\n", k, fmt::join(values, " "));
  }
  return text;
}

Deviation check_transcript(const std::string& learner, const std::string& text) {
  INFO("a new learner gets its transcript from the case [.regenerate]");
  std::ifstream file(transcript_file(learner));
  REQUIRE(file.good());
  std::istringstream stream(text);
  const auto found = lines(stream), expected = lines(file);
  REQUIRE(found.size() == expected.size());
  const double logit_tolerance = learner == "inflora" ? kTurnedLogitTolerance : kLogitTolerance;
  Deviation result;
  for (size_t i = 0; i < found.size(); ++i) {
    INFO("expected: " << expected[i]);
    INFO("found:    " << found[i]);
    if (expected[i].starts_with("accuracy")) {
      const double difference = deviation(found[i], expected[i]).first;
      CHECK(difference <= kAccuracyTolerance);
      result.accuracy = std::max(result.accuracy, difference);
    } else if (expected[i].starts_with("logits")) {
      const auto [difference, scale] = deviation(found[i], expected[i]);
      CHECK(difference <= logit_tolerance * scale);
      result.logits = std::max(result.logits, scale > 0 ? difference / scale : difference);
    } else {
      CHECK(found[i] == expected[i]);
    }
  }
  return result;
}

}  // namespace cl::conformance
