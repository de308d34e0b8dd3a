// Making scenarios over small sources, and what their plans hold.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/stream/stream_plan.h"

namespace cl {

/// The stream `name` with options "key: value, ..." over images of 2 x 2 pixels.
inline std::unique_ptr<Stream> make_scenario(const std::string& name, const std::string& options,
                                             const std::filesystem::path& root, uint64_t seed = 1) {
  const std::string yaml = "{" + name + ": {transform: {image_size: 2}, " + options + "}}";
  return Streams::get().make(config::Node::parse(yaml, "a.yaml"), {RngKey(seed), root});
}

/// Images of each label.
inline std::map<int64_t, int64_t> counts(const ImageSelection& images) {
  std::map<int64_t, int64_t> result;
  for (const int64_t label : images.labels) ++result[label];
  return result;
}

/// The rows of all experiences, ascending, with those that come twice.
inline std::vector<int64_t> all_rows(const Stream& stream, ImageSelection ExperiencePlan::*images) {
  std::vector<int64_t> result;
  for (const ExperiencePlan& experience : stream.plan()->experiences) {
    const auto& rows = (experience.*images).rows;
    result.insert(result.end(), rows.begin(), rows.end());
  }
  std::sort(result.begin(), result.end());
  return result;
}

/// 0, 1, ..., size - 1.
inline std::vector<int64_t> each_once(int64_t size) {
  std::vector<int64_t> result;
  for (int64_t i = 0; i < size; ++i) result.push_back(i);
  return result;
}

/// The rows in the order of the stream, which say whether two streams are the same.
inline std::vector<std::vector<int64_t>> training_rows(const Stream& stream) {
  std::vector<std::vector<int64_t>> result;
  for (const ExperiencePlan& experience : stream.plan()->experiences) {
    result.push_back(experience.train.rows);
  }
  return result;
}

/// A fact of every experience.
inline std::vector<double> facts(const Stream& stream, const std::string& name) {
  std::vector<double> result;
  for (const ExperiencePlan& experience : stream.plan()->experiences) {
    for (const auto& [fact, value] : experience.facts) {
      if (fact == name) result.push_back(value);
    }
  }
  return result;
}

}  // namespace cl
