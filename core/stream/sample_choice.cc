#include "core/stream/sample_choice.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include "core/base/check.h"
#include "core/base/error.h"

namespace cl {
namespace {

constexpr std::array<std::string_view, 2> kEvaluations{"test", "validation"};

using Rows = std::vector<int64_t>;

std::vector<Rows> rows_by_class(const ImageSource& source, Split split) {
  std::vector<Rows> result(source.info().class_names.size());
  const std::vector<int64_t>& labels = source.table(split).labels;
  for (size_t row = 0; row < labels.size(); ++row) {
    result.at(static_cast<size_t>(labels[row])).push_back(static_cast<int64_t>(row));
  }
  return result;
}

Rows shuffled(const Rows& rows, const RngKey& key) {
  Rows result;
  for (const int64_t i : permutation(key, static_cast<int64_t>(rows.size()))) {
    result.push_back(rows[static_cast<size_t>(i)]);
  }
  return result;
}

/// Moves the rows of the last things (a part of all of them, in the order in which their first rows
/// come) from `learned` to the result. Held out from the end, so that the training images below a
/// cap stay the same.
Rows hold_out(Rows& learned, double part, const ImageTable& table) {
  const auto identity = [&](int64_t row) {
    return table.identities.empty() ? row : table.identities[static_cast<size_t>(row)];
  };
  Rows things;
  std::set<int64_t> met;
  for (const int64_t row : learned) {
    if (met.insert(identity(row)).second) things.push_back(identity(row));
  }
  const auto count = std::llround(part * static_cast<double>(things.size()));
  const std::set<int64_t> held(things.end() - count, things.end());
  const auto first = std::stable_partition(
      learned.begin(), learned.end(), [&](int64_t row) { return !held.contains(identity(row)); });
  Rows result(first, learned.end());
  learned.erase(first, learned.end());
  std::reverse(result.begin(), result.end());
  return result;
}

void keep_domain(Rows& rows, const ImageTable& table, std::optional<int64_t> domain) {
  if (!domain) return;
  std::erase_if(rows,
                [&](int64_t row) { return table.domains[static_cast<size_t>(row)] != *domain; });
}

/// The first `cap` rows (0: all), ascending.
Rows capped(Rows rows, int64_t cap) {
  if (cap > 0) rows.resize(std::min(rows.size(), static_cast<size_t>(cap)));
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace

void SampleChoice::fields(config::Fields& fields) {
  fields.field("train_per_class", train_per_class, "most training images a class; 0: all",
               {0, HUGE_VAL});
  fields.field("test_per_class", test_per_class, "most evaluation images a class; 0: all",
               {0, HUGE_VAL});
  fields.field("evaluate_on", evaluate_on,
               "test: the source's test images; validation: a part of its training images, which "
               "then does not train",
               kEvaluations);
  fields.field("validation_fraction", validation_fraction,
               "part of the training images held out for validation", {0.001, 0.9});
}

ChosenSamples SampleChoice::choose(const ImageSource& source, const RngKey& key,
                                   std::optional<int64_t> domain) const {
  const bool validate = evaluate_on == "validation";
  const std::vector<Rows> train = rows_by_class(source, Split::kTrain);
  const std::vector<Rows> test = rows_by_class(source, Split::kTest);

  ChosenSamples result;
  result.test_split = validate ? Split::kTrain : Split::kTest;
  for (size_t c = 0; c < train.size(); ++c) {
    Rows learned = shuffled(train[c], key.child("train").child(c));
    Rows evaluated = validate ? Rows{} : shuffled(test[c], key.child("test").child(c));
    if (validate) {
      evaluated = hold_out(learned, validation_fraction, source.table(Split::kTrain));
    }
    keep_domain(learned, source.table(Split::kTrain), domain);
    keep_domain(evaluated, source.table(result.test_split), domain);
    if (learned.empty() || evaluated.empty()) {
      throw Error(fmt::format(
          "class {} ('{}'){} has {} training and {} {} images; expected at least one "
          "of each",
          c, source.info().class_names[c],
          domain ? fmt::format(" in domain '{}'",
                               source.info().domain_names.at(static_cast<size_t>(*domain)))
                 : "",
          learned.size(), evaluated.size(), evaluate_on));
    }
    result.classes.push_back({capped(std::move(learned), train_per_class),
                              capped(std::move(evaluated), test_per_class)});
  }
  return result;
}

}  // namespace cl
