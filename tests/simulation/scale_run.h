// Runs one experiment at scale and measures it, with the real drivers, in
// virtual time.
//
// Not thread-safe: one a thread, one thread a process.
#ifndef HAWSER_TESTS_SIMULATION_SCALE_RUN_H_
#define HAWSER_TESTS_SIMULATION_SCALE_RUN_H_

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

#include "tests/simulation/scale_setup.h"

namespace hawser::simulation {

struct ScaleResult {
  // What did not hold, if anything: then nothing else counts.
  std::optional<std::string> failure;
  // Work counted a second, over what the workers can do that only compute;
  // from a third of the steps on until two before the end, so that neither the
  // start nor the end counts.
  // 0: the job comes to no end, since every failure undoes what was done.
  double efficiency = 0;
  double seconds_per_step = 0;
  double measured_seconds = 0;  // virtual
  uint64_t incarnations = 0;
  // Of the scheduler, in the same time: calls a second of virtual time, and
  // what a real processor took for each.
  double scheduler_messages_per_second = 0;
  double scheduler_microseconds_per_message = 0;
  uint64_t events = 0;
  double real_seconds = 0;
};

// directory: for files of its own. audit: the history is checked, too (exactly
// once, the bound on staleness), which takes time. trace: null, or where to
// write what happens.
ScaleResult RunScale(const ScaleOptions& options, const std::string& directory,
                     bool audit, std::ostream* trace);

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_SCALE_RUN_H_
