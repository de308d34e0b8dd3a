// A stream without boundaries: every training image comes once, in an order that drifts from class
// to class (or from domain to domain), a chunk at a time.
//
// The time at which an image comes is drawn from a normal distribution around the place of its
// class in the class order, so that a class fades in and out while its neighbours fade out and in;
// images come in the order of their times. With width 0 the classes come one after the other. The
// experiences are mere chunks of that order: where one ends means nothing, which is what the
// scenario task_free says, and no task is shown. What has its first image in a chunk is tested
// with it; most chunks bring nothing new and have no test images.
//
// Scenario: Aljundi, Kelchtermans and Tuytelaars 2019, "Task-Free Continual Learning"; boundaries
// that drift as a Gaussian: Shanahan, Kaplanis and Mitrovic 2021, "Encoders and Ensembles for
// Task-Free Continual Learning", sec. 3.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "core/stream/class_order.h"
#include "core/stream/domain_order.h"
#include "core/stream/image_kind.h"
#include "core/stream/image_stream.h"

namespace cl {
namespace {

constexpr std::array<std::string_view, 2> kDrifts{"class", "domain"};

struct Online {
  struct Options {
    ImageStreamOptions images;
    int64_t chunk_size = 1000;
    std::string drift = "class";
    double drift_width = 0.5;
    ClassOrder class_order;
    DomainOrder domain_order;

    void fields(config::Fields& fields) {
      images.source_fields(fields);
      fields.field("chunk_size", chunk_size, "training images of a chunk; the last may have fewer",
                   {1, HUGE_VAL});
      fields.field("drift", drift, "what changes with time; the other is mixed throughout",
                   kDrifts);
      fields.field("drift_width", drift_width,
                   "standard deviation of the times at which images of a class (domain) come, in "
                   "places of the class (domain) order; 0: one class after the other",
                   {0, 1e6});
      fields.include(class_order);
      fields.include(domain_order);
      images.sample_fields(fields);
    }
    void check(const config::Node& node) const {
      if (drift == "class" && !domain_order.domains.empty()) {
        node.at_or_null("domains").fail("only used with drift 'domain', found 'class'");
      }
      const int64_t known = images.known_classes();
      if (known > 0) class_order.check_size(node, known, config::choice(images.source).name);
    }
  };

  static StreamPlan plan(const Options& options, const StreamParts& parts);
};

/// Images that come around the same time.
struct Wave {
  Split test_split = Split::kTest;
  std::vector<ImageKind> kinds;
};

struct Arrival {
  double time, lot;  // equal times: by lot
  int64_t row, label;
  size_t wave;

  friend bool operator<(const Arrival& a, const Arrival& b) {
    return std::tie(a.time, a.lot, a.row) < std::tie(b.time, b.lot, b.row);
  }
};

/// In the order of their centres.
std::vector<Wave> waves(const Online::Options& options, const ImageSource& source,
                        const std::vector<int64_t>& classes, const StreamParts& parts) {
  const SampleChoice& choice = options.images.samples;
  const RngKey key = parts.key.child("samples");
  std::vector<Wave> result;
  if (options.drift == "domain") {
    const RngKey order = parts.key.child("domain_order");
    for (const int64_t domain : options.domain_order.choose(source.info(), order)) {
      const ChosenSamples samples = choice.choose(source, key, domain);
      result.push_back({samples.test_split, kinds_by_label(samples, classes)});
    }
    return result;
  }
  const ChosenSamples samples = choice.choose(source, key);
  for (ImageKind& kind : kinds_by_label(samples, classes)) {
    result.push_back({samples.test_split, {std::move(kind)}});
  }
  return result;
}

std::vector<Arrival> arrivals(const std::vector<Wave>& all, double width, const RngKey& key) {
  std::vector<Arrival> result;
  for (size_t wave = 0; wave < all.size(); ++wave) {
    for (const ImageKind& kind : all[wave].kinds) {
      for (const int64_t row : kind.train) {
        std::mt19937_64 engine = key.child(static_cast<uint64_t>(row)).engine();
        const double lot = uniform(engine);
        const double time = static_cast<double>(wave) + width * normal(engine);
        result.push_back({time, lot, row, kind.label, wave});
      }
    }
  }
  std::sort(result.begin(), result.end());
  return result;
}

/// Bits; 0 where all are equal.
double entropy(const std::map<size_t, int64_t>& counts) {
  double total = 0, sum = 0;
  for (const auto& [wave, count] : counts) total += static_cast<double>(count);
  for (const auto& [wave, count] : counts) {
    const double part = static_cast<double>(count) / total;
    sum += part * std::log2(1 / part);
  }
  return sum;
}

StreamPlan Online::plan(const Options& options, const StreamParts& parts) {
  StreamPlan plan;
  const auto source = options.images.open(parts);
  const auto& names = source->info().class_names;
  const auto classes = options.class_order.classes(static_cast<int64_t>(names.size()),
                                                   parts.key.child("class_order"));
  plan.sources = {source};
  plan.info.name = "online";
  plan.info.scenario = Scenario::kTaskFree;
  plan.info.num_classes = static_cast<int64_t>(classes.size());
  for (const int64_t c : classes) plan.info.class_names.push_back(names[static_cast<size_t>(c)]);

  const auto all = waves(options, *source, classes, parts);
  const auto order = arrivals(all, options.drift_width, parts.key.child("arrival"));
  const auto chunk_size = static_cast<size_t>(options.chunk_size);
  for (size_t first = 0; first < order.size(); first += chunk_size) {
    ExperiencePlan chunk;
    chunk.name = fmt::format("chunk {}", plan.experiences.size());
    std::map<size_t, int64_t> mixture;
    const size_t end = first + std::min(chunk_size, order.size() - first);
    for (size_t i = first; i < end; ++i) {
      chunk.train.add({order[i].row}, order[i].label);
      ++mixture[order[i].wave];
    }
    chunk.facts.emplace_back("mixture_entropy", entropy(mixture));
    plan.experiences.push_back(std::move(chunk));
  }
  std::vector<ImageKind> kinds;
  for (const Wave& wave : all) kinds.insert(kinds.end(), wave.kinds.begin(), wave.kinds.end());
  settle(plan, all.front().test_split, kinds);
  return plan;
}

const RegisterStream<ImageStream<Online>> kRegistered{
    "online",
    "every image once, in chunks of an order that drifts from class to class",
    "Aljundi et al. 2019, \"Task-Free Continual Learning\"; Shanahan et al. 2021",
    {.repeats_classes = true}};

}  // namespace
}  // namespace cl
