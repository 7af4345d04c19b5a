// A checkpoint's manifest: manifest.json beside the servers' files. It is
// written when every file is there; a checkpoint without one does not exist.
// docs/checkpoint_format.md is the format's page.
#ifndef HAWSER_SCHEDULER_MANIFEST_H_
#define HAWSER_SCHEDULER_MANIFEST_H_

#include <vector>

#include "absl/status/status.h"
#include "common/file_calls.h"
#include "proto/journal.pb.h"
#include "proto/plan.pb.h"

namespace hawser {

// Writes the manifest whole or not at all. DATA_LOSS: a file is not there, or
// not as long as its server says.
absl::Status WriteManifest(const Plan& plan,
                           const CheckpointCommitted& checkpoint,
                           FileCalls* calls = MachineFileCalls());

// Removes server files of an older checkpoint of the same step, which the
// committed manifest does not name, and temporary files. What cannot be removed
// stays, and harms nothing.
void RemoveSupersededFiles(const CheckpointCommitted& checkpoint);

// Removes files of checkpoints that never were committed, and the directories
// that are empty then; where there is a manifest, nothing.
void RemoveAbandonedFiles(const std::vector<CheckpointWritten>& files);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_MANIFEST_H_
