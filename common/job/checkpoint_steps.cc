#include "common/job/checkpoint_steps.h"

namespace hawser {

bool IsCheckpointDue(const CheckpointSpec& spec, uint64_t version,
                     const StepSchedule& schedule) {
  if (spec.every_epochs() != 0) {
    return schedule.EndsEpoch(version) &&
           schedule.EpochsOver(version) % spec.every_epochs() == 0;
  }
  if (spec.every_steps() == 0) return false;
  // In optimizer steps: the first version at or after each multiple.
  return schedule.At(version).first / spec.every_steps() !=
         schedule.At(version - 1).first / spec.every_steps();
}

}  // namespace hawser
