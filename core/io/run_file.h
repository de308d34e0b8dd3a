// The run file: one HDF5 file a run, the contract between running and analysing.
//
// Schema 1. T experiences, N test samples in all. Every axis has a dimension scale of its own
// group, so that xarray.open_dataset(file, engine="h5netcdf", group=...) opens each group. Texts
// are UTF-8, padded with NUL.
//
//   /               accuracy, task_accuracy [after, on] f64: fraction correct on experience `on`
//                   after learning `after`, among all classes seen / among the classes of `on`
//                   only; NaN = not evaluated. Scales after, on = 0..T-1
//   /run            single values: id, suite, label, spec (canonical YAML), learner, stream,
//                   backbone (text); stream_seed, model_seed (i64)
//   /digests        single texts: data, weights, ... -> hexadecimal
//   /experiences    name (text), num_train, num_test, num_classes (i64) [experience];
//                   classes [class_slot] i64: the class ids of each experience one after the other,
//                   num_classes each
//   /predictions    experience, label [sample] i64: the test samples of all experiences one after
//                   the other; prediction, task_prediction [after, sample] i64: class ids; -1 =
//                   not evaluated
//   /expansions     experience, step, layer, added_parameters (i64), module (text) [row]
//   /sizes          trainable, added, total [after] i64 (only experiences that were reported);
//                   adapters [after, block] i64
//   /scalars/NAME   value [step] f64; the scale `step` may repeat; a name "a/b" is a group in a
//                   group
//   /tables/NAME    one dataset a column [row], i64 or f64
//
// Datasets of equal runs (same build, machine, spec) are equal byte for byte. What differs between
// equal runs is kept as attributes of the root group: texts such as host, git_commit, finished;
// numbers "seconds.PHASE", and "operations.KIND" [T]: floating-point operations, as core/nn/flops.h
// counts them, done in the step of each experience, KIND being learn.forward, learn.backward,
// watch.forward or evaluate.forward. (Earlier files have "flops.KIND", of the backbone alone, which
// is not read.) The root attributes schema ("clsim_run") and schema_version (i64) say what the file
// is. A reader accepts its own version.
//
// The root attribute record_digest (text) is the digest of all datasets and of all other attributes
// of the root, as core/io/hdf5_contents.h takes it; earlier files have none. A reader refuses a
// file whose values do not fit it, whose id is not the digest of its spec, whose accuracies are not
// those of its predictions, or of which anything lies elsewhere (links, values in other files).
#pragma once

#include <cstdint>
#include <filesystem>

#include "core/metrics/run_record.h"

namespace cl {

inline constexpr int64_t kRunFileVersion = 1;
inline constexpr char kRecordDigest[] = "record_digest";  // attribute of the root

/// Writes `record` to `file`: beside it first, then read back, compared and renamed. @throws Error
void write_run(const std::filesystem::path& file, const RunRecord& record);

/// All that `write_run` wrote. @throws Error for a missing, foreign, truncated, damaged or newer
/// file, or one whose parts contradict each other, naming the object
[[nodiscard]] RunRecord read_run(const std::filesystem::path& file);

}  // namespace cl
