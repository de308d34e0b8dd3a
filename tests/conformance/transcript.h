// What a learner's run on blobs comes to, as text that people can read. The stored ones were made
// with Debian 12's LibTorch 1.13 and OpenBLAS; another LibTorch, BLAS or processor rounds
// otherwise, and training makes more of it.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include <ATen/core/Tensor.h>

#include "core/metrics/run_record.h"

namespace cl::conformance {

/// How far a run may be from the stored one. On the same processor, PyTorch 2.13 with MKL was off
/// by 2e-6 in logits at most, LibTorch 1.13 with OpenBLAS's kernels for Sandy Bridge by 4e-6,
/// neither in an accuracy; but for inflora, by 5e-2, 7e-2 and one sample. Its directions are
/// singular vectors, which rounding turns where singular values are nearly equal.
inline constexpr double kAccuracyTolerance = 0.02;    // of 100 samples, two
inline constexpr double kLogitTolerance = 1e-4;       // of the largest logit of its line
inline constexpr double kTurnedLogitTolerance = 0.1;  // inflora's

/// Words and counts are compared exactly; lines that begin with "accuracy" or "logits" end in
/// decimals.
/// @param logits  [C] of some test samples, after the last step
[[nodiscard]] std::string transcript(const std::string& learner, const RunRecord& record,
                                     std::span<const at::Tensor> logits);

/// Where the expected one of a learner stands.
[[nodiscard]] std::filesystem::path transcript_file(const std::string& learner);

/// The largest differences that were found.
struct Deviation {
  double accuracy = 0;
  double logits = 0;  // of the largest of their line
};

/// Compares a transcript with that file, line by line.
Deviation check_transcript(const std::string& learner, const std::string& text);

}  // namespace cl::conformance
