// Files of checkpoints that are to be there no longer. What cannot be removed
// stays, and harms nothing. docs/checkpoint_format.md says in which order
// things go, so that a crash leaves no manifest that names files which are
// gone.
//
// Members name directories: only what lies below the output root and looks like
// a step's own is touched, and in it only what a server or the scheduler has
// written. output_root: absolute, without symbolic links.
#ifndef HAWSER_SCHEDULER_CHECKPOINT_FILES_H_
#define HAWSER_SCHEDULER_CHECKPOINT_FILES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/file_calls.h"
#include "proto/journal.pb.h"
#include "proto/scheduler.pb.h"

namespace hawser {

// Removes server files of an older checkpoint of the same step, which the
// committed manifest does not name, and temporary files.
void RemoveSupersededFiles(const CheckpointCommitted& checkpoint,
                           const std::string& output_root);

// Removes files of checkpoints that never were committed, and the directories
// that are empty then; where there is a manifest, nothing.
void RemoveAbandonedFiles(const std::vector<CheckpointWritten>& files,
                          const std::string& output_root);

// Removes a committed checkpoint: its manifest first. The error says what is
// left.
absl::Status RemoveCheckpoint(const CheckpointDropped& checkpoint,
                              const std::string& output_root,
                              FileCalls* calls = MachineFileCalls());

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_CHECKPOINT_FILES_H_
