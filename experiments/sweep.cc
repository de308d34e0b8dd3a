#include "experiments/sweep.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/config/scalar.h"
#include "experiments/run_spec.h"

namespace cl::experiments {
namespace {

constexpr std::array<std::string_view, 3> kChoices{"stream", "backbone", "learner"};
/// What asks for more than these is a slip: each run is at least checked, and has a file.
constexpr size_t kMostRuns = 100'000;
constexpr size_t kMostPaths = 1'000;

/// One path and the values it takes along an axis.
struct Lane {
  std::string path;
  SourceLocation where;   // of the path
  std::string yaml_path;  // where it stands in the suite, for messages
  std::vector<config::Node> values;
  std::vector<std::string> shown;  // the values as a label shows them
};
using Axis = std::vector<Lane>;  // at least one lane, all of one length

bool is_whole_choice(std::string_view path) {
  return std::find(kChoices.begin(), kChoices.end(), path) != kChoices.end();
}

/// The kind and name of the plug-in that a path lies below: {"learner", "sema"}.
std::optional<std::pair<std::string, std::string>> owner(std::string_view path) {
  const size_t dot = path.find('.');
  if (dot == std::string_view::npos || !is_whole_choice(path.substr(0, dot))) return std::nullopt;
  const std::string_view rest = path.substr(dot + 1);
  return std::pair{std::string(path.substr(0, dot)), std::string(rest.substr(0, rest.find('.')))};
}

bool applies(const config::Node& suite, std::string_view path) {
  const auto plugin = owner(path);
  if (!plugin) return true;
  const config::Node chosen = suite.at_or_null(plugin->first);
  return !chosen.is_null() && config::choice(chosen).name == plugin->second;
}

std::string applies_nowhere(std::string_view path) {
  const auto [kind, name] = owner(path).value();
  return fmt::format("no run has the {0} '{1}'; options are addressed as '{0}.NAME.OPTION'", kind,
                     name);
}

config::Node set(const config::Node& suite, const std::string& path, const config::Node& value) {
  return (path.starts_with("seeds.") ? split_seeds(suite) : suite).with(path, value);
}

Lane read_lane(const config::Node::Entry& entry) {
  Lane lane{entry.key, entry.key_where, entry.value.path(), entry.value.items(), {}};
  if (lane.values.empty()) entry.value.fail("expected at least one value, found none");
  if (lane.path == "suite" || lane.path == "checkpoint" || lane.path == "sweep") {
    throw ConfigError(lane.where, lane.yaml_path, "cannot be swept: it is no setting of one run");
  }
  return lane;
}

std::vector<Axis> read_axes(const config::Node& sweep) {
  std::vector<Axis> axes;
  for (const config::Node::Entry& entry : sweep.entries()) {
    if (entry.key != "zip") {
      axes.push_back({read_lane(entry)});
      continue;
    }
    Axis axis;
    for (const config::Node::Entry& lane : entry.value.entries()) {
      axis.push_back(read_lane(lane));
      if (axis.back().values.size() == axis.front().values.size()) continue;
      throw ConfigError(
          axis.back().where, axis.back().yaml_path,
          fmt::format("expected {} values, as many as '{}' has; found {}",
                      axis.front().values.size(), axis.front().path, axis.back().values.size()));
    }
    if (!axis.empty()) axes.push_back(std::move(axis));
  }
  std::set<std::string> seen;
  for (const Axis& axis : axes) {
    for (const Lane& lane : axis) {
      if (seen.insert(lane.path).second) continue;
      throw ConfigError(lane.where, lane.yaml_path, "is swept over twice");
    }
  }
  if (seen.size() > kMostPaths) {
    sweep.fail(
        fmt::format("{} settings are swept over; at most {} can be", seen.size(), kMostPaths));
  }
  return axes;
}

/// Drops what an override fixes, and moves whole choices to the front.
void arrange(std::vector<Axis>& axes, const std::vector<Override>& overrides) {
  const auto is_fixed = [&](const Lane& lane) {
    return std::any_of(overrides.begin(), overrides.end(), [&](const Override& fixed) {
      const bool below = !is_whole_choice(fixed.path) && lane.path.starts_with(fixed.path + ".");
      return lane.path == fixed.path || below;
    });
  };
  for (Axis& axis : axes) std::erase_if(axis, is_fixed);
  std::erase_if(axes, [](const Axis& axis) { return axis.empty(); });
  const auto chooses = [](const Lane& lane) { return is_whole_choice(lane.path); };
  for (Axis& axis : axes) std::stable_partition(axis.begin(), axis.end(), chooses);
  std::stable_partition(axes.begin(), axes.end(), [&](const Axis& axis) {
    return std::any_of(axis.begin(), axis.end(), chooses);
  });
}

/// The values as a label shows them: a choice by its name where that is enough.
std::vector<std::string> shown(const Lane& lane) {
  std::vector<std::string> result;
  if (!is_whole_choice(lane.path)) {
    for (const config::Node& value : lane.values) result.push_back(config::write_flow(value));
    return result;
  }
  std::map<std::string, int64_t> counts;
  for (const config::Node& value : lane.values) ++counts[config::choice(value).name];
  for (const config::Node& value : lane.values) {
    const auto [name, where, options] = config::choice(value);
    const bool is_enough = value.is_scalar() || counts.at(name) == 1;
    result.push_back(is_enough ? name : name + config::write_flow(options));
  }
  return result;
}

/// "threshold" for learner.sema.threshold: which learner, another coordinate or the suite says.
std::string short_path(const std::string& path) {
  const auto plugin = owner(path);
  const size_t prefix = plugin ? plugin->first.size() + plugin->second.size() + 2 : 0;
  return prefix < path.size() ? path.substr(prefix) : path;
}

/// "3 (learner) x 1000 (a, b)", the sizes of the axes.
std::string factors(const std::vector<Axis>& axes) {
  std::vector<std::string> result;
  for (const Axis& axis : axes) {
    std::vector<std::string> paths;
    for (const Lane& lane : axis) paths.push_back(lane.path);
    result.push_back(
        fmt::format("{} ({})", axis.front().values.size(), fmt::join(paths, " with ")));
  }
  return fmt::format("{}", fmt::join(result, " x "));
}

[[noreturn]] void refuse_so_many(const config::Node& sweep, const std::vector<Axis>& axes) {
  bool is_exact = true;  // where no axis depends on a choice
  uint64_t product = 1;
  for (const Axis& axis : axes) {
    for (const Lane& lane : axis) is_exact = is_exact && !owner(lane.path);
    if (__builtin_mul_overflow(product, axis.front().values.size(), &product)) {
      product = std::numeric_limits<uint64_t>::max();
      break;
    }
  }
  const bool is_known = product < std::numeric_limits<uint64_t>::max();
  sweep.fail(fmt::format("asks for {}{} runs, {}; at most {} can be",
                         !is_known  ? "more than "
                         : is_exact ? ""
                                    : "up to ",
                         product, factors(axes), kMostRuns));
}

class Expansion {
 public:
  explicit Expansion(config::Node suite) : points_{{std::move(suite), ""}} {}

  /// The number of points there will be with this axis.
  [[nodiscard]] size_t size_with(const Axis& axis) const {
    size_t sum = 0;
    for (const Point& point : points_) {
      const bool multiplies = std::any_of(axis.begin(), axis.end(), [&](const Lane& lane) {
        return applies(point.suite, lane.path);
      });
      sum += multiplies ? axis.front().values.size() : 1;
    }
    return sum;
  }

  void multiply(const Axis& axis) {
    std::vector<Point> result;
    for (const Point& point : points_) {
      bool kept = false;  // already there as it is
      for (size_t i = 0; i < axis.front().values.size(); ++i) {
        Point next = point;
        if (apply(axis, i, next) || !std::exchange(kept, true)) result.push_back(std::move(next));
      }
    }
    points_ = std::move(result);
  }

  void fix(const Override& fixed) {
    bool used = false;
    for (Point& point : points_) {
      if (!applies(point.suite, fixed.path)) continue;
      point.suite = set(point.suite, fixed.path, fixed.value);
      used = true;
    }
    if (!used) throw ConfigError({"--set", 0, 0}, fixed.path, applies_nowhere(fixed.path));
  }

  [[nodiscard]] bool used(const Lane& lane) const { return used_.contains(lane.path); }
  [[nodiscard]] std::vector<Point> points() && { return std::move(points_); }

 private:
  bool apply(const Axis& axis, size_t index, Point& point) {
    bool any = false;
    for (const Lane& lane : axis) {
      if (!applies(point.suite, lane.path)) continue;
      point.suite = set(point.suite, lane.path, lane.values[index]);
      point.label += fmt::format("{}{}={}", point.label.empty() ? "" : ",", short_path(lane.path),
                                 lane.shown[index]);
      used_.insert(lane.path);
      any = true;
    }
    return any;
  }

  std::vector<Point> points_;
  std::set<std::string> used_;
};

}  // namespace

Override parse_override(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw ConfigError({"--set", 0, 0}, "", fmt::format("expected path=value, found '{}'", text));
  }
  return {std::string(text.substr(0, equals)),
          config::Node::parse(text.substr(equals + 1), "--set", std::filesystem::current_path())};
}

std::vector<Point> expand(const config::Node& suite, const std::vector<Override>& overrides) {
  std::vector<Axis> axes = read_axes(suite.at_or_null("sweep"));
  arrange(axes, overrides);
  for (Axis& axis : axes) {
    for (Lane& lane : axis) lane.shown = shown(lane);
  }

  config::Node base = suite.contains("sweep") ? suite.with("sweep", config::Node()) : suite;
  for (const Override& fixed : overrides) {
    if (is_whole_choice(fixed.path)) base = base.with(fixed.path, fixed.value);
  }
  Expansion expansion(std::move(base));
  for (const Axis& axis : axes) {
    if (expansion.size_with(axis) > kMostRuns) refuse_so_many(suite.at("sweep"), axes);
    expansion.multiply(axis);
  }
  for (const Axis& axis : axes) {
    for (const Lane& lane : axis) {
      const auto plugin = owner(lane.path);
      // An override may have taken the plug-in away that the axis is about.
      const bool chosen_otherwise =
          plugin && std::any_of(overrides.begin(), overrides.end(),
                                [&](const Override& fixed) { return fixed.path == plugin->first; });
      if (expansion.used(lane) || chosen_otherwise) continue;
      throw ConfigError(lane.where, lane.yaml_path, applies_nowhere(lane.path));
    }
  }
  for (const Override& fixed : overrides) {
    if (!is_whole_choice(fixed.path)) expansion.fix(fixed);
  }
  return std::move(expansion).points();
}

}  // namespace cl::experiments
