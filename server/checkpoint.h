// A server's part of a checkpoint: its blocks at one version, written as one
// safetensors file. The file exists whole or not at all (temporary name, fsync,
// rename); the checkpoint exists once the scheduler has committed a manifest
// that names every server's file.
//
// Tensors: "block.B.parameters" and "block.B.NAME" for each vector of optimizer
// state, [elements] float32. Metadata: format version, job, step, server, and
// those of checkpoint_metadata.h.
#ifndef HAWSER_SERVER_CHECKPOINT_H_
#define HAWSER_SERVER_CHECKPOINT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/file_calls.h"
#include "common/metrics.h"
#include "proto/scheduler.pb.h"
#include "server/block_store.h"

namespace hawser {

struct CheckpointSnapshot {
  uint64_t job = 0;
  uint64_t step = 0;
  uint32_t server = 0;        // index in the plan
  uint64_t placed_since = 0;  // see Plan
  std::string job_name;
  std::string directory;  // below the output root; of the whole job
  bool is_last = false;   // of the job
  // With block 0: sums over the samples of the epoch of the step before.
  std::optional<SampleSums> epoch_training;
  std::vector<BlockSnapshot> blocks;
};

// Writes DIRECTORY/step-STEP/server-SERVER-CRC32C.safetensors below the output
// root. The name tells the content, so that a file that an older manifest names
// is never replaced by another. The last one of a job is read once more from
// the disk: it is the job's result. DATA_LOSS: it is not what was written.
// The error names the path and what the system said.
absl::StatusOr<CheckpointWritten> WriteCheckpoint(
    const CheckpointSnapshot& snapshot, const std::string& output_root,
    FileCalls* calls = MachineFileCalls());

}  // namespace hawser

#endif  // HAWSER_SERVER_CHECKPOINT_H_
