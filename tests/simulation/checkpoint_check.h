// What must hold of the checkpoints that a run has left, judged by the files
// and by the journal:
//
//   - every manifest's checkpoint, of the newest ones, is whole: each file is
//     there, as long and with the CRC32C that it must have;
//   - every checkpoint that the journal lists has its manifest;
//   - the newest of them is the one that the job's client was told of last;
//   - of a job with one result, each holds the parameters and the optimizer
//     state of its step in the fault-free run.
#ifndef HAWSER_TESTS_SIMULATION_CHECKPOINT_CHECK_H_
#define HAWSER_TESTS_SIMULATION_CHECKPOINT_CHECK_H_

#include <optional>
#include <string>
#include <vector>

#include "proto/journal.pb.h"
#include "proto/scheduler.pb.h"
#include "tests/simulation/reference.h"

namespace hawser::simulation {

// CRC32C of each tensor of the checkpoints below the output root, by step and
// name.
CheckpointTensors ReadCheckpointTensors(const std::string& output_root);

// reference: null: nothing to compare with. What does not hold, if anything.
std::optional<std::string> CheckCheckpoints(
    const std::string& output_root, const std::vector<JournalEvent>& journal,
    const JobStatus& job, const Reference* reference);

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_CHECKPOINT_CHECK_H_
