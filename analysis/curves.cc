#include "analysis/curves.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "analysis/table.h"
#include "core/base/check.h"

namespace cl::analysis {
namespace {

const RunRecord& run_of(const std::vector<RunRecord>& runs, const std::string& id) {
  const auto found =
      std::find_if(runs.begin(), runs.end(), [&](const RunRecord& run) { return run.id == id; });
  CL_CHECK(found != runs.end(), "a table names run {}, which is not there", id);
  return *found;
}

std::vector<int64_t> classes_seen(const RunRecord& run) {
  std::set<int64_t> seen;
  std::vector<int64_t> result;
  for (const ExperienceFacts& experience : run.experiences) {
    seen.insert(experience.classes.begin(), experience.classes.end());
    result.push_back(static_cast<int64_t>(seen.size()));
  }
  return result;
}

/// Sets the horizontal axis.
void set_places(Curves& curves, const RunRecord& run) {
  curves.axis = "classes seen";
  curves.places = classes_seen(run);
  const auto& places = curves.places;
  if (std::adjacent_find(places.begin(), places.end()) == places.end()) return;
  curves.axis = "experiences learned";
  std::iota(curves.places.begin(), curves.places.end(), 1);
}

/// NaN where there is none.
double value(const RunRecord& run, int64_t after, Quantity quantity) {
  if (quantity == Quantity::kAccuracy) {
    return run.accuracy.average_accuracy(after, run.num_test());
  }
  return num_adapters(run, after);
}

Curve curve_of(const TableRow& row, const std::vector<RunRecord>& runs, Quantity quantity) {
  Curve curve{row.method, row.is_reference, {}};
  const int64_t num_experiences = run_of(runs, row.run_ids.front()).num_experiences();
  for (int64_t after = 0; after < num_experiences; ++after) {
    std::vector<double> values;
    for (const std::string& id : row.run_ids) {
      values.push_back(value(run_of(runs, id), after, quantity));
    }
    curve.points.push_back(statistics_where_defined(values));
  }
  return curve;
}

bool has_points(const Curve& curve) {
  return std::any_of(curve.points.begin(), curve.points.end(),
                     [](const Statistics& point) { return point.n > 0; });
}

}  // namespace

std::vector<Curves> make_curves(const std::vector<RunRecord>& runs, Quantity quantity) {
  std::vector<Curves> result;
  for (const Table& table : make_tables(runs, {})) {
    Curves curves{quantity, table.title, {}, {}, {}};
    set_places(curves, run_of(runs, table.rows.front().run_ids.front()));
    for (const TableRow& row : table.rows) {
      Curve curve = curve_of(row, runs, quantity);
      if (quantity == Quantity::kAccuracy || has_points(curve)) {
        curves.curves.push_back(std::move(curve));
      }
    }
    result.push_back(std::move(curves));
  }
  return result;
}

}  // namespace cl::analysis
