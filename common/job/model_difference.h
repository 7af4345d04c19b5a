// Whether parameters that were found somewhere are those of a job's model, and
// if not, what to change.
#ifndef HAWSER_COMMON_JOB_MODEL_DIFFERENCE_H_
#define HAWSER_COMMON_JOB_MODEL_DIFFERENCE_H_

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "proto/job.pb.h"
#include "proto/plan.pb.h"

namespace hawser {

// OK: the same names and shapes in the same order. FAILED_PRECONDITION names
// the first tensor that differs, both shapes, and the setting of the job's
// model that it depends on.
absl::Status CheckSameTensors(absl::Span<const TensorShape> found,
                              absl::Span<const TensorShape> expected);

// The same of settings that no shape shows: heads, epsilon and so on. Both
// completed.
absl::Status CheckSameSettings(const GptSpec& found, const GptSpec& expected);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_MODEL_DIFFERENCE_H_
