// What a job's fault-free run with one worker and one server came to: what
// every other run of it must come to, whatever happens.
#ifndef HAWSER_TESTS_SIMULATION_REFERENCE_H_
#define HAWSER_TESTS_SIMULATION_REFERENCE_H_

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "common/wire/frame.h"
#include "proto/scheduler.pb.h"

namespace hawser::simulation {

// CRC32C of each tensor of checkpoints by (step, name).
using CheckpointTensors = std::map<std::pair<uint64_t, std::string>, uint32_t>;

struct Reference {
  // False: only how many samples each epoch has is the same in every run.
  bool has_one_result = true;
  // CRC32C of each block's bytes by (version, block, codec).
  std::map<std::tuple<uint64_t, uint32_t, CodecId>, uint32_t> blocks;
  CheckpointTensors checkpoints;  // of some steps
  JobStatus end;
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_REFERENCE_H_
