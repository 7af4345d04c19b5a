// A scenario: a text that people read and tests run. One statement a line; "#"
// starts a comment.
//
//   The cluster:  workers 3 | servers 2 | lease 5s | heartbeat 1s
//                 delay 1ms to 5ms      of a message
//                 journal write 2ms     mean
//                 seed 7                of delays
//   The job:      job workers 2 | job servers 1   (default: all there are)
//                 replicas 2
//                 steps 60 | layers 4 8 3 | optimizer adam | clip 0.3
//                 global batch 8 | micro-batches 4 | placement BY_LAYER
//                 compute 20ms          of a partial sum, mean
//                 checkpoint every 20 steps | checkpoint every 5s
//                 keep last 2
//                 train for at most 60s | queue for at most 60s
//   What happens: at 2s pause worker 1 for 8s       (fault.h has them all)
//   What must hold, besides what always must (invariants.h):
//                 expect SUCCEEDED | expect FAILED because lease ended
//                 expect same parameters     as without faults
//                 expect end within 30s
//                 expect at least 3 incarnations
//                 expect no roll-back
#ifndef HAWSER_TESTS_SIMULATION_SCENARIO_H_
#define HAWSER_TESTS_SIMULATION_SCENARIO_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/simulation/setup.h"
#include "tests/simulation/simulator.h"

namespace hawser::simulation {

struct Scenario {
  Setup setup;
  absl::Duration end_within = absl::InfiniteDuration();
  uint64_t least_incarnations = 0;
  bool may_roll_back = true;
};

// INVALID_ARGUMENT: the line, what is wrong with it and what would be right.
absl::StatusOr<Scenario> ParseScenario(absl::string_view text);

// Runs it. What did not hold, if anything.
std::optional<std::string> RunScenario(const Scenario& scenario,
                                       Simulator* simulator,
                                       std::ostream* trace);

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_SCENARIO_H_
