// A setup as a function of a seed: any cluster, one of a few dozen jobs, and a
// schedule of faults.
#ifndef HAWSER_TESTS_SIMULATION_RANDOM_SETUP_H_
#define HAWSER_TESTS_SIMULATION_RANDOM_SETUP_H_

#include <cstdint>

#include "tests/simulation/setup.h"

namespace hawser::simulation {

struct RandomSetupOptions {
  uint64_t steps = 300;
  uint32_t faults = 20;
};

Setup RandomSetup(uint64_t seed, const RandomSetupOptions& options);

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_RANDOM_SETUP_H_
