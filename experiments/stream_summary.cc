#include "experiments/stream_summary.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/printable.h"
#include "core/config/node.h"
#include "core/stream/stream_plan.h"
#include "experiments/inputs.h"

namespace cl::experiments {
namespace {

constexpr size_t kMostRanges = 4;   // of class ids in the table
constexpr size_t kMostDomains = 8;  // of a source, by name

using Cells = std::vector<std::string>;  // index, name, classes, train, test, and each fact
constexpr size_t kNumbers = 3;           // the first column of numbers, aligned to the right

/// Characters, not bytes, of UTF-8 text.
int64_t width(std::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

std::string source_line(const ImageSource& source, const std::string& choice) {
  const ImageSourceInfo& info = source.info();
  std::string line = fmt::format("{}{} classes, {} + {} images (training + test split), digest {}",
                                 choice.empty() ? "" : choice + ": ", info.class_names.size(),
                                 grouped(source.table(Split::kTrain).size()),
                                 grouped(source.table(Split::kTest).size()), info.digest);
  if (!info.domain_names.empty()) {
    std::vector<std::string> domains = info.domain_names;
    if (domains.size() > kMostDomains) {
      domains.resize(kMostDomains - 1);
      domains.push_back(fmt::format("and {} more", info.domain_names.size() - domains.size()));
    }
    line += fmt::format(", domains {}", fmt::join(domains, ", "));
  }
  if (info.num_skipped > 0) {
    line +=
        fmt::format(", {} passed over", counted(info.num_skipped, "broken file", "broken files"));
  }
  return line;
}

std::string source_lines(const StreamPlan* plan) {
  if (plan == nullptr) return "source     none: the stream makes its images itself\n";
  std::string text;
  for (size_t i = 0; i < plan->sources.size(); ++i) {
    const bool named = plan->choices.size() == plan->sources.size();
    text += fmt::format(
        "{:9}  {}\n", i == 0 ? "source" : "",
        source_line(*plan->sources[i], named ? config::choice(plan->choices[i]).name : ""));
  }
  return text;
}

std::string class_cell(const std::vector<int64_t>& classes) {
  if (classes.empty()) return "0";
  return fmt::format("{} ({})", classes.size(), id_ranges(classes));
}

/// @param rows  of equal length
std::string table_text(const std::vector<Cells>& rows) {
  std::vector<int64_t> widths(rows.front().size(), 0);
  for (const Cells& cells : rows) {
    for (size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], width(cells[i]));
  }
  std::string text;
  for (const Cells& cells : rows) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      const std::string gap(static_cast<size_t>(widths[i] - width(cells[i])), ' ');
      const bool right = i == 0 || i >= kNumbers;
      line += "  " + (right ? gap + cells[i] : cells[i] + gap);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string fact_text(double value) {
  return fmt::format("{:.6g}", value);
}

}  // namespace

std::string grouped(int64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    const bool between = i > 0 && digits[i - 1] != '-';
    if (between && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string counted(int64_t number, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", grouped(number), number == 1 ? one : many);
}

std::string id_ranges(const std::vector<int64_t>& ids) {
  std::vector<std::string> parts;
  for (size_t first = 0; first < ids.size();) {
    size_t last = first;
    while (last + 1 < ids.size() && ids[last + 1] == ids[last] + 1) ++last;
    parts.push_back(first == last ? std::to_string(ids[first])
                                  : fmt::format("{}-{}", ids[first], ids[last]));
    first = last + 1;
  }
  if (parts.size() > kMostRanges) {
    parts.resize(kMostRanges);
    parts.emplace_back("...");
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string facts_text(const Facts& facts) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : facts) parts.push_back(name + " " + fact_text(value));
  return fmt::format("{}", fmt::join(parts, "   "));
}

std::string describe(const Stream& stream) {
  const StreamInfo& info = stream.info();
  std::vector<Cells> rows{{"", "experience", "classes", "train", "test"}};
  int64_t train = 0, test = 0;
  for (int64_t k = 0; k < info.num_experiences; ++k) {
    const Experience experience = stream.experience(k);
    train += experience.train->size();
    test += experience.test->size();
    Cells cells{std::to_string(k), experience.name, class_cell(experience.classes),
                grouped(experience.train->size()), grouped(experience.test->size())};
    for (const auto& [fact, value] : experience.facts) {
      if (k == 0) rows.front().push_back(fact);
      cells.push_back(fact_text(value));
    }
    rows.push_back(std::move(cells));
  }
  rows.push_back({"", "total", std::to_string(info.num_classes), grouped(train), grouped(test)});
  for (Cells& cells : rows) cells.resize(rows.front().size());
  return printable(
      fmt::format("scenario   {}: {}, {}, samples [{}]\n{}"
                  "data       digest {}\n\n{}",
                  name(info.scenario), counted(info.num_experiences, "experience", "experiences"),
                  counted(info.num_classes, "class", "classes"), fmt::join(info.sample_shape, ", "),
                  source_lines(stream.plan()), data_digest(stream), table_text(rows)));
}

}  // namespace cl::experiments
