// Experiments at scale (docs/scale.md): a cluster, a job and what computing and
// sending cost, from a few numbers.
#ifndef HAWSER_TESTS_SIMULATION_SCALE_SETUP_H_
#define HAWSER_TESTS_SIMULATION_SCALE_SETUP_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/simulation/setup.h"

namespace hawser::simulation {

struct ScaleOptions {
  uint32_t workers = 10;
  uint32_t servers = 1;
  // One of ScaleModes().
  std::string mode = "synchronous-static";
  uint64_t steps = 30;
  double stragglers = 0;  // share of the workers
  double failures_per_minute = 0;
  uint64_t seed = 1;

  // --- The cost model ---
  double parameters = 100e6;       // float32, that the job's few stand for
  double compute_seconds = 2;      // mean, of a micro-batch
  double compute_variation = 0.1;  // standard deviation over mean
  double slowness = 5;             // of a straggler
  uint32_t micro_batches_per_worker = 4;  // of a step
  double worker_gigabits = 25;            // a second, each way
  double server_gigabits = 100;
  // Machines that a simulated server stands for: it has all their links.
  uint32_t machines_per_server = 1;
  double restart_seconds = 10;  // from a crash until the worker is there again
};

// synchronous-static, synchronous-dynamic, bounded-staleness, asynchronous,
// local-steps.
const std::vector<std::string>& ScaleModes();

// Optimizer steps that a micro-batch takes on its own.
uint32_t LocalStepsOf(const ScaleOptions& options);

// Samples of the training data: the least that has no smaller steps.
uint32_t TrainingSamplesOf(const ScaleOptions& options);

// INVALID_ARGUMENT: what cannot be, and what can.
absl::StatusOr<Setup> ScaleSetup(const ScaleOptions& options);

// Micro-batches a second, of all workers together, that do nothing but compute.
double CapacityOf(const ScaleOptions& options);

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_SCALE_SETUP_H_
