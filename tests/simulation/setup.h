// One simulated run: a cluster, a job, and what goes wrong.
#ifndef HAWSER_TESTS_SIMULATION_SETUP_H_
#define HAWSER_TESTS_SIMULATION_SETUP_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "proto/job.pb.h"
#include "proto/scheduler.pb.h"
#include "tests/simulation/fault.h"
#include "tests/simulation/network.h"

namespace hawser::simulation {

struct Setup {
  uint64_t seed = 0;  // of delays, losses and the like
  uint32_t workers = 1;
  uint32_t servers = 1;
  JobSpec spec;
  absl::Duration lease = absl::Seconds(5);
  absl::Duration heartbeat = absl::Seconds(1);
  Network::Conditions network;
  absl::Duration compute = absl::Milliseconds(20);  // mean, of a micro-batch
  double compute_variation = 0;                     // see Pace
  // Of each worker's and each server's network link; 0: as fast as one likes.
  double worker_bytes_per_second = 0;
  double server_bytes_per_second = 0;
  double parameter_factor = 1;                           // see Links
  absl::Duration journal_write = absl::Milliseconds(2);  // mean
  uint64_t compact_bytes = 16 << 20;  // see SchedulerDriver::Options
  std::vector<Fault> faults;
  // A run must end within this time once the last fault is over. A lone worker
  // on a network that loses messages is lost time and again.
  absl::Duration patience = absl::Minutes(5);
  // How the job may end, one or the other.
  struct End {
    JobState state = SUCCEEDED;
    std::string because;  // part of the reason
  };
  std::vector<End> ends = {End()};
};

// True if the job's parameters are the same however it is run: it is
// synchronous from the first step to the last, in one way.
bool HasOneResult(const Setup& setup);

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_SETUP_H_
