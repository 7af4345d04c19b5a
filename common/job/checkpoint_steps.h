// Which steps a job's checkpoints are made of.
#ifndef HAWSER_COMMON_JOB_CHECKPOINT_STEPS_H_
#define HAWSER_COMMON_JOB_CHECKPOINT_STEPS_H_

#include <cstdint>

#include "common/job/step_schedule.h"
#include "proto/job.pb.h"

namespace hawser {

// True if one is due when `version` steps are complete, by the number of steps
// or epochs: every_seconds is the scheduler's to order. Requires version > 0.
bool IsCheckpointDue(const CheckpointSpec& spec, uint64_t version,
                     const StepSchedule& schedule);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_CHECKPOINT_STEPS_H_
