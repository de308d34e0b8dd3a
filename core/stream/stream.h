// A stream poses the problem: a pure function from k to the k-th experience.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config/registry.h"
#include "core/data/samples.h"

namespace cl {

/// What is known at test time (van de Ven and Tolias 2019): the task (`kTask`), nothing with the
/// same classes in new domains (`kDomain`), nothing with new classes (`kClass`); `kTaskFree` hides
/// boundaries in training as well: its experiences are mere portions of a stream that changes as it
/// likes.
enum class Scenario { kTask, kDomain, kClass, kTaskFree };
[[nodiscard]] std::string_view name(Scenario scenario);  // "task", "domain", "class", "task_free"

/// What a label is: one class a sample (image, clip), one a pixel, one a token.
enum class Target { kClass, kClassMap, kToken };

/// The facts of a stream that learners and protocols may know beforehand.
struct StreamInfo {
  std::string name;
  Scenario scenario = Scenario::kClass;
  Target target = Target::kClass;
  int64_t num_experiences = 0;
  int64_t num_classes = 0;               // over the whole stream
  std::vector<int64_t> sample_shape;     // of one x, without the batch axis
  std::vector<std::string> class_names;  // [num_classes], in the order of class ids
};

/// Named numbers about an experience that are known beforehand (the amount of a shift, say):
/// logged, never shown to a learner.
using Facts = std::vector<std::pair<std::string, double>>;

/// What a learner is shown of an experience: no test data, by type.
struct TrainView {
  int64_t index = 0;             // 0-based position in the stream
  std::optional<int64_t> task;   // only where the scenario shows it
  std::vector<int64_t> classes;  // class ids present in `data`, ascending
  DatasetPtr data;
};

/// One step of a stream.
struct Experience {
  int64_t index = 0;
  std::string name;
  std::vector<int64_t> classes;  // class ids present in it, ascending
  DatasetPtr train,
      test;          // test may be empty where an experience brings nothing new to be tested on
  Facts facts = {};  // the same names in every experience of a stream

  [[nodiscard]] TrainView train_view(Scenario scenario) const;
};

struct StreamParts {
  RngKey key;
  std::filesystem::path data_root;  // empty: each source's own default place
};

struct StreamPlan;

/// A pure function of (options, key, k): `experience(k)` is equal however often and in whatever
/// order it is called.
class Stream {
 public:
  static constexpr std::string_view kKind = "stream";
  using Parts = StreamParts;
  struct Traits {
    Target target = Target::kClass;
    bool repeats_classes = false;  // class ids come back in later experiences
  };

  virtual ~Stream() = default;
  [[nodiscard]] virtual const StreamInfo& info() const = 0;
  /// @param k  0-based, below info().num_experiences
  [[nodiscard]] virtual Experience experience(int64_t k) const = 0;
  /// Experiences that there would be if it were not cut short: what learners that divide something
  /// among them go by.
  [[nodiscard]] virtual int64_t num_planned() const { return info().num_experiences; }
  /// Which images it is made of; null for a stream that does not take them from sources.
  [[nodiscard]] virtual const StreamPlan* plan() const { return nullptr; }
};

using Streams = Registry<Stream>;
template <class T>
using RegisterStream = Register<Stream, T>;

}  // namespace cl
