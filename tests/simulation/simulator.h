// Runs setups, one after the other, and judges each. The same setup gives the
// same run, event for event, in every process.
//
//   Simulator simulator(directory);
//   const Outcome outcome = simulator.Run(setup, /*trace=*/nullptr);
//   outcome.failure  // nothing: all that must hold held
//
// Not thread-safe: one a thread, one thread a process (worker/backend has one
// pool of threads).
#ifndef HAWSER_TESTS_SIMULATION_SIMULATOR_H_
#define HAWSER_TESTS_SIMULATION_SIMULATOR_H_

#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <string>

#include "absl/time/time.h"
#include "proto/scheduler.pb.h"
#include "tests/simulation/reference.h"
#include "tests/simulation/setup.h"
#include "tests/simulation/stack_pool.h"

namespace hawser::simulation {

struct Outcome {
  // What did not hold, if anything.
  std::optional<std::string> failure;
  uint64_t hash = 0;  // of all that happened
  JobStatus job;
  uint64_t incarnations = 0;
  uint64_t roll_backs = 0;
  uint64_t faults = 0;  // that had begun when the job ended
  uint64_t events = 0;
  absl::Duration virtual_time;
};

// Where simulations keep their files: in memory, if the machine has a directory
// for that, since drivers flush every checkpoint to the disk.
std::string FastTemporaryDirectory();

class Simulator {
 public:
  // Makes a directory of its own below `directory`, and removes it.
  explicit Simulator(const std::string& directory);
  ~Simulator();

  // trace: null, or where to write what happens.
  Outcome Run(const Setup& setup, std::ostream* trace);

 private:
  // Computed once per job.
  const Reference* ReferenceOf(const JobSpec& spec);
  Outcome RunOnce(const Setup& setup, const Reference* reference,
                  std::ostream* trace, Reference* recorded);

  std::string root_;
  StackPool stacks_;
  std::map<std::string, Reference> references_;  // by spec
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_SIMULATOR_H_
