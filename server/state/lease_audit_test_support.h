// What must hold of the leases of a job, checked as they are granted: against
// what the blocks have counted and what workers have said, by sets. A breach is
// a failed test.
#ifndef HAWSER_SERVER_STATE_LEASE_AUDIT_TEST_SUPPORT_H_
#define HAWSER_SERVER_STATE_LEASE_AUDIT_TEST_SUPPORT_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>

#include "absl/time/time.h"
#include "common/job/step_schedule.h"
#include "proto/parameter_server.pb.h"
#include "proto/plan.pb.h"
#include "server/state/run_pool.h"

namespace hawser {

class LeaseAudit {
 public:
  LeaseAudit(const Plan& plan, uint32_t validation_chunks);
  void Adopt(const Plan& plan);

  // How far the blocks are: block 0, and the least of them.
  void SetVersions(uint64_t block_zero, uint64_t least);
  // The server that leases has been told that block 0 is so far.
  void StepCompleted(uint64_t version) { told_ = std::max(told_, version); }

  // A checkpoint of this step is ordered, and will be taken; or nobody knows
  // any more what was.
  void Ordered(uint64_t step) { ordered_.insert(step); }
  void ForgetOrders() { ordered_.clear(); }
  // A block on arrival has made the steps up to `version`, and has counted so
  // many micro-batches.
  void Reached(uint64_t before, uint64_t version, uint64_t counted) const;

  // A worker asks ...
  void Requested(uint64_t node, const LeaseRequest& request);
  // ... and is granted this.
  void Granted(uint64_t node, const Lease& lease, absl::Time now);

  // A block serves a worker's read. Staleness is counted in clocks.
  void ReadServed(uint64_t node, size_t block, uint64_t clock);
  // A block has the worker's push.
  void Pushed(uint64_t node, size_t block);

  void Validated(uint64_t version, Run chunks);
  void Hashed() { ++hashes_; }

  // What must hold in the end.
  void CheckComplete() const;

  uint64_t backups() const { return backups_; }
  uint64_t hashes() const { return hashes_; }
  // It has a lease or waits for one.
  bool IsAtWork(uint64_t node) const {
    return leases_.count(node) != 0 || waiting_.count(node) != 0;
  }

 private:
  struct Outstanding {
    Lease lease;
    absl::Time since;
    std::set<size_t> pushed;  // blocks
    Run run() const { return {lease.run().position(), lease.run().run()}; }
  };
  struct Clocks {
    std::map<uint64_t, uint64_t> last;  // granted, by worker
    uint64_t least = 0;  // that may be granted, after the reads served
  };

  const Phase& PhaseOf(uint64_t node) const {
    return schedule_.phases()[PhaseIndexOf(node)];
  }
  // That it has begun.
  size_t PhaseIndexOf(uint64_t node) const {
    return schedule_.PhaseIndexOf(named_.at(node));
  }
  void CheckRun(uint64_t node, const RunLease& lease, absl::Time now);
  void CheckOncePerStep(uint64_t node, const RunLease& lease, absl::Time now);
  void CheckBackup(uint64_t node, const RunLease& lease, absl::Time now);
  void CheckOnArrival(uint64_t node, const RunLease& lease);
  void CheckWithinOneLeaseBefore(Run run);
  void CheckCuts(Run run) const;
  bool IsCheckpointOf(uint64_t step) const;
  void CheckValidation(uint64_t node, const ValidationLease& lease);
  void CheckHash(const HashLease& lease);
  void CheckPhaseOver(uint64_t node, uint64_t step);
  void CheckPassesAreOver(uint64_t steps) const;
  double SecondsOf(uint64_t node) const;
  double ExpectedSecondsLeft(uint64_t node, absl::Time now) const;

  Plan plan_;
  StepSchedule schedule_;
  const uint64_t micro_batches_;
  const uint32_t chunks_;
  uint64_t block_zero_ = 0;
  uint64_t least_ = 0;
  uint64_t told_ = 0;

  std::map<uint64_t, uint64_t> named_;  // the step a worker began at
  std::set<uint64_t> waiting_;
  std::map<uint64_t, Outstanding> leases_;  // by worker
  uint64_t last_named_ = 0;
  std::map<uint64_t, Run> forgotten_;  // what a worker had when it began again
  uint64_t last_number_ = 0;
  std::map<uint64_t, double> speeds_;  // as workers have said
  std::set<uint64_t> done_;            // positions, as workers have said
  std::map<uint64_t, Run> leased_;     // position to the last lease of it
  std::map<size_t, Clocks> clocks_;    // by phase
  std::set<uint64_t> ordered_;         // steps
  std::map<uint64_t, std::set<uint64_t>> validated_;  // chunks of a version
  bool hash_is_done_ = false;
  uint64_t hashes_ = 0;
  uint64_t backups_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_LEASE_AUDIT_TEST_SUPPORT_H_
