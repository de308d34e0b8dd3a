// All classes of an image source in every experience, each time under another shift: "Rotated
// MNIST", "Permuted MNIST", and corruptions one after another.
//
// Domain-incremental (van de Ven and Tolias 2019): the labels stay, the images change. Every
// experience shows the same images of the source, so that nothing but the shift tells them apart.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/data/corruptions.h"
#include "core/stream/image_stream.h"

namespace cl {
namespace {

constexpr std::array<std::string_view, 3> kShifts{"rotation", "permutation", "corruption"};

struct ShiftedImages {
  struct Options {
    ImageStreamOptions images;
    std::string shift = "rotation";
    int64_t num_experiences = 5;
    double max_angle = 180;
    std::vector<double> angles;
    std::vector<std::string> corruptions{"gaussian_noise", "motion_blur", "fog", "pixelate"};
    std::vector<double> severities{3};
    bool clean_first = true;

    void fields(config::Fields& fields) {
      images.source_fields(fields);
      fields.field("shift", shift, "what tells the experiences apart", kShifts);
      fields.field("num_experiences", num_experiences,
                   "of permutations, the first of which is none, and of rotations without angles",
                   {1, 1000});
      fields.field("max_angle", max_angle,
                   "rotation: the last experience's, degrees counter-clockwise; the first's is 0 "
                   "and the others lie evenly between",
                   {-360, 360});
      fields.field("angles", angles,
                   "rotation: of each experience, degrees; empty: as max_angle says", {-360, 360});
      fields.field("corruptions", corruptions,
                   "corruption: one an experience, as ImageNet-C calls them");
      fields.field("severities", severities,
                   "corruption: one for all or one each; 0: unchanged, 1 to 5: ImageNet-C's levels",
                   {0, kLargestSeverity});
      fields.field("clean_first", clean_first, "corruption: an experience without one comes first");
      images.sample_fields(fields);
    }
    void check(const config::Node& node) const {
      if (corruptions.empty()) node.at_or_null("corruptions").fail("expected at least one");
      const auto known = cl::corruptions();
      for (const std::string& name : corruptions) {
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        node.at_or_null("corruptions")
            .fail(
                fmt::format("expected names out of {}; found '{}'", fmt::join(known, ", "), name));
      }
      if (severities.size() != 1 && severities.size() != corruptions.size()) {
        node.at_or_null("severities")
            .fail(
                fmt::format("expected one number, or one for each of the {} corruptions; found {}",
                            corruptions.size(), severities.size()));
      }
    }
  };

  static StreamPlan plan(const Options& options, const StreamParts& parts);
};

struct Domain {
  std::string name;
  ImageShift shift;
  Facts facts;
};

std::vector<Domain> rotations(const ShiftedImages::Options& options) {
  std::vector<double> angles = options.angles;
  if (angles.empty()) {
    const auto last = static_cast<double>(std::max<int64_t>(options.num_experiences - 1, 1));
    for (int64_t k = 0; k < options.num_experiences; ++k) {
      angles.push_back(options.max_angle * static_cast<double>(k) / last);
    }
  }
  std::vector<Domain> domains;
  for (const double angle : angles) {
    Domain& domain = domains.emplace_back();
    domain.name = fmt::format("{:g} degrees", angle);
    domain.shift.kind = "rotation";
    domain.shift.amount = angle;
    domain.facts = {{"angle", angle}};
  }
  return domains;
}

std::vector<Domain> permutations(const ShiftedImages::Options& options, const RngKey& key) {
  std::vector<Domain> domains;
  for (int64_t k = 0; k < options.num_experiences; ++k) {
    Domain& domain = domains.emplace_back();
    domain.name = k == 0 ? "unpermuted" : fmt::format("permutation {}", k);
    domain.facts = {{"permutation", static_cast<double>(k)}};
    if (k == 0) continue;
    domain.shift.kind = "permutation";
    domain.shift.seed = key.child(static_cast<uint64_t>(k)).bits();
  }
  return domains;
}

/// The fact `corruption` counts from 1 in the order of corruptions(); 0 is none.
std::vector<Domain> corrupted(const ShiftedImages::Options& options, const RngKey& key) {
  std::vector<Domain> domains;
  if (options.clean_first) {
    Domain& domain = domains.emplace_back();
    domain.name = "clean";
    domain.facts = {{"corruption", 0}, {"severity", 0}};
  }
  const auto known = corruptions();
  for (size_t i = 0; i < options.corruptions.size(); ++i) {
    const std::string& name = options.corruptions[i];
    const double severity = options.severities[options.severities.size() == 1 ? 0 : i];
    const auto place = std::find(known.begin(), known.end(), name) - known.begin();
    Domain& domain = domains.emplace_back();
    domain.name = fmt::format("{} {:g}", name, severity);
    domain.shift.kind = name;
    domain.shift.amount = severity;
    domain.shift.seed = key.child(i).bits();
    domain.facts = {{"corruption", static_cast<double>(place + 1)}, {"severity", severity}};
  }
  return domains;
}

std::vector<Domain> domains_of(const ShiftedImages::Options& options, const RngKey& key) {
  if (options.shift == "rotation") return rotations(options);
  if (options.shift == "permutation") return permutations(options, key);
  return corrupted(options, key);
}

StreamPlan ShiftedImages::plan(const Options& options, const StreamParts& parts) {
  StreamPlan plan;
  const auto source = options.images.open(parts);
  const auto samples = options.images.samples.choose(*source, parts.key.child("samples"));
  plan.sources = {source};
  plan.info.name = "shifted_images";
  plan.info.scenario = Scenario::kDomain;
  plan.info.class_names = source->info().class_names;
  plan.info.num_classes = static_cast<int64_t>(plan.info.class_names.size());

  ExperiencePlan unshifted;
  unshifted.test.split = samples.test_split;
  for (int64_t c = 0; c < plan.info.num_classes; ++c) {
    const auto& of_class = samples.classes[static_cast<size_t>(c)];
    unshifted.classes.push_back(c);
    unshifted.train.add(of_class.train, c);
    unshifted.test.add(of_class.test, c);
  }
  for (Domain& domain : domains_of(options, parts.key.child("shift"))) {
    ExperiencePlan experience = unshifted;
    experience.name = std::move(domain.name);
    experience.shift = std::move(domain.shift);
    experience.facts = std::move(domain.facts);
    plan.experiences.push_back(std::move(experience));
  }
  return plan;
}

const RegisterStream<ImageStream<ShiftedImages>> kRegistered{
    "shifted_images",
    "all classes of an image source, under another rotation, permutation or corruption each time",
    "Lopez-Paz and Ranzato 2017 (rotations); Goodfellow et al. 2013 (permutations); Hendrycks and "
    "Dietterich 2019 (corruptions)",
    {.repeats_classes = true}};

}  // namespace
}  // namespace cl
