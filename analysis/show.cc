#include "analysis/show.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analysis/number_text.h"
#include "analysis/settings.h"
#include "core/base/error.h"
#include "core/base/printable.h"
#include "core/metrics/summary.h"
#include "core/metrics/zero_loss.h"

namespace cl::analysis {
namespace {

/// A spec that cannot be read is shown as it is, at the end, and says nothing here.
bool is_untrained(const RunRecord& run) {
  try {
    return has_random_weights(settings(run).problem);
  } catch (const Error&) {
    return false;
  }
}

void add_identity(std::string& text, const RunRecord& run) {
  text += fmt::format("run       {}  {}\n", run.id, printable_name(run.label));
  text += fmt::format("suite     {}\n", printable_name(run.suite));
  text += fmt::format("learner   {}\nstream    {}\nbackbone  {}{}\n", printable_name(run.learner),
                      printable_name(run.stream), printable_name(run.backbone),
                      is_untrained(run) ? ", with random weights: nothing was pre-trained" : "");
  text += fmt::format("seeds     stream {}, model {}\n", run.stream_seed, run.model_seed);
  for (const auto& [name, digest] : run.digests) {
    text += fmt::format("{:<8}  {} (digest)\n", name, digest);
  }
  if (run.provenance.contains("earlier_arithmetic")) {
    text +=
        "note      went on under other arithmetic than it began with (provenance: arithmetic, "
        "earlier_arithmetic):\n          its bytes can differ from those of a run that was not "
        "interrupted\n";
  }
}

void add_experiences(std::string& text, const RunRecord& run) {
  text += "\nexperiences\n";
  for (size_t k = 0; k < run.experiences.size(); ++k) {
    const ExperienceFacts& facts = run.experiences[k];
    text += fmt::format("{:>4}  {}: {} training, {} test samples, classes {}\n", k,
                        printable_name(facts.name), facts.num_train, facts.num_test,
                        fmt::join(facts.classes, " "));
  }
  if (const auto idle = zero_loss(run); !idle.empty()) {
    text += fmt::format(
        "  in {} of {} experiences ({}) the classification loss runs over a single class: it is "
        "always zero and teaches nothing\n",
        idle.size(), run.num_experiences(), fmt::join(idle, " "));
  }
}

/// Experiences without test samples have no column.
void add_matrix(std::string& text, const RunRecord& run, const AccuracyMatrix& matrix,
                const char* title) {
  std::vector<int64_t> columns;
  for (int64_t on = 0; on < matrix.size(); ++on) {
    if (run.experiences[static_cast<size_t>(on)].num_test > 0) columns.push_back(on);
  }
  text += fmt::format("\naccuracy (%), {}\nafter\\on", title);
  for (const int64_t on : columns) text += fmt::format("{:>7}", on);
  text += "\n";
  for (int64_t after = 0; after < matrix.size(); ++after) {
    text += fmt::format("{:>8}", after);
    for (const int64_t on : columns) {
      const std::string number = number_text(Unit::kPercent, matrix.at(after, on));
      text += fmt::format("{:>7}", number.empty() ? "-" : number);
    }
    text += "\n";
  }
}

void add_metrics(std::string& text, const RunRecord& run) {
  text += "\nmetrics\n";
  for (const Metric& metric : metrics()) {
    const std::string number = number_text(metric.unit, metric.value(run));
    if (number.empty()) continue;
    text += fmt::format("  {:<40}{:>12}{}\n", metric.name, number,
                        metric.unit == Unit::kPercent ? " %" : "");
  }
}

void add_growth(std::string& text, const RunRecord& run) {
  text += "\nexpansions\n";
  if (run.expansions.empty()) text += "  none\n";
  for (const Expansion& expansion : run.expansions) {
    text += fmt::format("  experience {:>3}  block {:>3}  step {:>5}  {} ({} parameters)\n",
                        expansion.experience, expansion.layer, expansion.step, expansion.module,
                        number_text(Unit::kCount, static_cast<double>(expansion.added_parameters)));
  }
  text += "\nsizes after each experience\n";
  for (const SizeRecord& size : run.sizes) {
    const auto count = [](int64_t value) {
      return number_text(Unit::kCount, static_cast<double>(value));
    };
    text +=
        fmt::format("  {:>3}  trainable {}, added {}, total {}", size.after,
                    count(size.count.trainable), count(size.count.added), count(size.count.total));
    if (!size.adapters_per_block.empty()) {
      text += fmt::format("; adapters per block {}", fmt::join(size.adapters_per_block, " "));
    }
    text += "\n";
  }
}

/// The whole numbers of a column, or null where there is no such column.
const std::vector<int64_t>* integers(const EventTable& table, const std::string& name) {
  for (const EventColumn& column : table) {
    if (column.name == name) return std::get_if<std::vector<int64_t>>(&column.values);
  }
  return nullptr;
}

/// The expansion ledger by experience and block: how many looks, and how many of them asked for a
/// new module. A look has one row for each descriptor; its first row stands for it.
void add_ledger(std::string& text, const EventTable& ledger) {
  const auto* experience = integers(ledger, "experience");
  const auto* block = integers(ledger, "block");
  const auto* expanded = integers(ledger, "expanded");
  const auto* descriptor = integers(ledger, "descriptor");
  if (experience == nullptr || block == nullptr || expanded == nullptr) return;
  std::map<std::pair<int64_t, int64_t>, std::pair<int64_t, int64_t>> decisions;
  for (size_t i = 0; i < experience->size(); ++i) {
    if (descriptor != nullptr && (*descriptor)[i] != 0) continue;
    auto& [looks, grown] = decisions[{(*experience)[i], (*block)[i]}];
    ++looks;
    grown += (*expanded)[i];
  }
  text += "\nexpansion decisions\n";
  for (const auto& [place, counts] : decisions) {
    text += fmt::format("  experience {:>3}  block {:>3}  {} of {} looks asked to expand\n",
                        place.first, place.second, counts.second, counts.first);
  }
}

void add_log(std::string& text, const RunRecord& run) {
  const auto ledger = run.tables.find("ledger");
  if (ledger != run.tables.end()) add_ledger(text, ledger->second);
  text += "\nrecorded series and tables\n";
  for (const auto& [name, series] : run.scalars) {
    text += fmt::format("  {}: {} values, last {:.6g}\n", name, series.values.size(),
                        series.values.empty() ? std::nan("") : series.values.back());
  }
  for (const auto& [name, table] : run.tables) {
    text += fmt::format("  {}: {} rows\n", name, table.empty() ? 0 : table.front().size());
  }
}

void add_circumstances(std::string& text, const RunRecord& run) {
  text += "\nseconds\n";
  for (const auto& [phase, seconds] : run.seconds) {
    text += fmt::format("  {:<12}{:>10}\n", phase, number_text(Unit::kSeconds, seconds));
  }
  text += "\nprovenance\n";
  for (const auto& [name, value] : run.provenance) {
    text += fmt::format("  {}: {}\n", printable_name(name), printable_name(value));
  }
}

}  // namespace

std::string show(const RunRecord& run) {
  std::string text;
  add_identity(text, run);
  add_experiences(text, run);
  add_matrix(text, run, run.accuracy, "among all classes seen");
  add_matrix(text, run, run.task_accuracy, "among the classes of the experience");
  add_metrics(text, run);
  add_growth(text, run);
  add_log(text, run);
  add_circumstances(text, run);
  text += "\nspec\n" + run.spec;
  if (!run.spec.empty() && run.spec.back() != '\n') text += "\n";
  return printable(text);
}

}  // namespace cl::analysis
