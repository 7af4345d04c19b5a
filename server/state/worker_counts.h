// What each worker of a job has pushed, as the server of block 0 sees it: for
// people, who want to know who is fast, who is behind, and how stale gradients
// are. Nothing is decided by it.
//
// A worker's push took it the time since its push before, or since the step
// began, if that was later: what it waits for others at the end of a step is
// not counted, so that a slow worker can be told from those that wait for it.
//
// Pure: time is an argument.
#ifndef HAWSER_SERVER_STATE_WORKER_COUNTS_H_
#define HAWSER_SERVER_STATE_WORKER_COUNTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "absl/time/time.h"
#include "proto/load.pb.h"

namespace hawser {

class WorkerCounts {
 public:
  // Classes of staleness: see ServerLoad.staleness.
  static constexpr size_t kStalenessClasses = 12;

  // Those of a new incarnation. Who stays keeps its counts, but not the time
  // since its last push.
  void SetWorkers(const std::vector<uint64_t>& nodes);

  // A step of an update for all has begun.
  void BeginStep(absl::Time now) { step_began_ = now; }
  // A push was counted, after which the worker's clock is `clock`. One of a
  // node that is no worker is left out.
  void Count(uint64_t node, uint64_t clock, uint64_t samples, absl::Time now);
  // A push was applied on arrival, `updates` updates after its worker's read.
  void CountStaleness(uint64_t updates);

  void Describe(ServerLoad* load) const;

 private:
  struct Worker {
    uint64_t clock = 0;
    uint64_t samples = 0;
    absl::Duration busy;
    absl::Time last_push = absl::InfinitePast();  // InfinitePast: none yet
  };

  std::map<uint64_t, Worker> workers_;
  std::array<uint64_t, kStalenessClasses> staleness_ = {};
  absl::Time step_began_ = absl::InfinitePast();
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_WORKER_COUNTS_H_
