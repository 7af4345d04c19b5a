// What goes wrong in a run, drawn from a seed.
//
// A cluster is asked to survive everything but what this version says ends a
// job: a server lost. `gentle` draws what it survives: there the scheduler may
// crash, and servers and the scheduler are silent for less than a lease, one
// after the other. Otherwise they crash and fall silent like everybody else.
#ifndef HAWSER_TESTS_SIMULATION_FAULT_SCHEDULE_H_
#define HAWSER_TESTS_SIMULATION_FAULT_SCHEDULE_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "tests/simulation/fault.h"
#include "tests/simulation/seeded_random.h"

namespace hawser::simulation {

struct FaultScheduleOptions {
  uint32_t workers = 1;
  uint32_t servers = 1;
  uint32_t faults = 20;
  absl::Duration lease;
  absl::Duration window;  // in which they begin
  bool gentle = true;
};

// In order of time.
std::vector<Fault> DrawFaults(const FaultScheduleOptions& options,
                              SeededRandom* random);

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_FAULT_SCHEDULE_H_
