// Which images of a source train and which evaluate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/rng.h"
#include "core/config/fields.h"
#include "core/stream/image_source.h"

namespace cl {

/// For each class of the source, rows of its splits. Training and evaluation never share an image.
struct ChosenSamples {
  struct OfClass {
    std::vector<int64_t> train, test;  // ascending
  };
  Split test_split = Split::kTest;  // the split that `test` counts in; `train` counts in kTrain
  std::vector<OfClass> classes;     // by the source's class number
};

/// Options that a stream shows among its own.
///
/// With `evaluate_on: validation` a part of each class's training images takes the place of the
/// test images and is not trained on: hyper-parameters are chosen so, and the test images never
/// looked at. Images of one thing (ImageTable::identities) are held out together. With
/// `evaluate_on: test` all training images train.
/// A cap takes a random part of each class. A larger one contains every smaller one, and the
/// training images below a cap are the same in both cases, as long as enough are left.
struct SampleChoice {
  int64_t train_per_class = 0;
  int64_t test_per_class = 0;
  std::string evaluate_on = "test";
  double validation_fraction = 0.1;

  void fields(config::Fields& fields);
  /// @param key     of all random choices; what is chosen of a class depends on its number alone
  /// @param domain  only its images; the caps then count in the domain, and what is held out of a
  ///                class is the same in every domain
  /// @throws Error naming a class that is left without training or evaluation images
  [[nodiscard]] ChosenSamples choose(const ImageSource& source, const RngKey& key,
                                     std::optional<int64_t> domain = std::nullopt) const;
};

}  // namespace cl
