// A checkpoint's manifest: manifest.json beside the servers' files. It is
// written when every file is there; a checkpoint without one does not exist.
// docs/checkpoint_format.md is the format's page.
#ifndef HAWSER_SCHEDULER_MANIFEST_H_
#define HAWSER_SCHEDULER_MANIFEST_H_

#include <string>

#include "absl/status/status.h"
#include "common/file_calls.h"
#include "proto/journal.pb.h"
#include "proto/plan.pb.h"

namespace hawser {

// Writes the manifest whole or not at all; a job's last one is read once more
// from the disk. output_root: absolute, without symbolic links.
// PERMISSION_DENIED: the checkpoint's directory is not below it. DATA_LOSS: a
// file is not there, or not as long as its server says; or the manifest is not
// what was written.
absl::Status WriteManifest(const Plan& plan,
                           const CheckpointCommitted& checkpoint,
                           const std::string& output_root,
                           FileCalls* calls = MachineFileCalls());

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_MANIFEST_H_
