// The jobs that simulated clusters run: small models on the tiny data, in all
// the ways that change what is computed.
#ifndef HAWSER_TESTS_SIMULATION_RANDOM_JOB_H_
#define HAWSER_TESTS_SIMULATION_RANDOM_JOB_H_

#include <cstdint>

#include "proto/job.pb.h"

namespace hawser::simulation {

// Few enough that their fault-free runs cost little.
inline constexpr uint64_t kRandomJobs = 32;

// One of them. Placement, checkpoints and resources, which change no result,
// are left to the caller.
JobSpec RandomJob(uint64_t number, uint64_t steps);

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_RANDOM_JOB_H_
