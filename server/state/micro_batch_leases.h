// Who computes what, where work is leased as workers go: DYNAMIC scheduling,
// and every mode in which pushes are applied on arrival. It belongs to the
// server of a job's block 0, so that a lease costs one message each way on the
// stream that pushes and pulls use, and nothing at the scheduler.
//
//   a worker  --Request--> waiting --Grant(run | validation | hash)--> working
//   working   --Request(done)--> waiting
//   waiting   --Grant(phase over)--> gone, until it begins the next phase
//
// Once per step (SYNCHRONOUS): only the micro-batches of the step in progress
// are leased. It is over when block 0 says so (StepCompleted): what is leased
// then is of no use any more. When all of it is leased, a worker that waits may
// get a micro-batch that a slower one has been leased, a backup: whichever is
// pushed first counts, and both are the same bits.
//
// On arrival: the micro-batches of the whole phase are leased in order, an
// epoch's before the next one's. A lease that its worker has not reported as
// done is leased again when the worker is lost; a block that has counted it
// does not count it twice (push_ledger.h).
//
// Validation after an epoch is leased in chunks; once per step, training waits
// for it, so that all of it sees one version.
//
// Clocks (bounded staleness): a worker's n-th lease has clock n. A worker that
// has no work must not hold up those that have: it is told to advance its
// clock to what they need.
//
// Pure: no locks, no I/O; time is an argument.
#ifndef HAWSER_SERVER_STATE_MICRO_BATCH_LEASES_H_
#define HAWSER_SERVER_STATE_MICRO_BATCH_LEASES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/job/step_schedule.h"
#include "proto/parameter_server.pb.h"
#include "server/state/push_ledger.h"
#include "server/state/run_pool.h"
#include "server/state/validation_leases.h"
#include "server/state/worker_speeds.h"

namespace hawser {

class MicroBatchLeases {
 public:
  struct Grant {
    uint64_t node = 0;
    Lease lease;
  };
  using Grants = std::vector<Grant>;

  // validation_chunks: of a pass over the validation data.
  MicroBatchLeases(const Plan& plan, uint32_t validation_chunks);

  // A new incarnation: other workers, perhaps further phases. All workers begin
  // with a Request that is their first.
  void Adopt(const Plan& plan);

  // Answers those who can be. NOT_FOUND: the node is no worker of the plan.
  absl::Status Request(uint64_t node, const LeaseRequest& request,
                       absl::Time now, Grants* grants);

  // A step of which something is left to do, though every block may be beyond
  // it: reports of work, or validation, of a phase in which pushes are applied
  // on arrival. Nothing: there is no such step.
  std::optional<uint64_t> UnfinishedStep() const;

  // Block 0 has reached `version`.
  Grants StepCompleted(uint64_t version, absl::Time now);

  // Backups that have become worth it.
  Grants Tick(absl::Time now);
  // When Tick may have something to say.
  absl::Time NextDeadline(absl::Time now) const;

 private:
  enum class Work { kRun, kValidation, kHash };
  struct Outstanding {
    uint64_t number = 0;
    Work work = Work::kRun;
    Run run;
    absl::Time since;
    uint64_t backed_up = 0;  // micro-batches, from the end of the run
    bool backup = false;
    bool moot = false;  // its step is over
  };
  struct Worker {
    uint64_t first = 0;  // static micro-batches
    uint64_t last = 0;
    uint64_t search_from = 0;  // STATIC: nothing of its own is before
    uint64_t next_clock = 0;
    double load_seconds = 0;
    uint64_t last_step = 0;  // that it had work of
    size_t phase = 0;        // that it works on
    std::optional<Outstanding> lease;
    bool waiting = false;
  };

  // What the phase in progress asks for.
  bool on_arrival() const;
  std::optional<uint64_t> staleness() const;
  const SynchronisationSpec& synchronisation() const;
  uint64_t end_step() const { return schedule_.EndOfPhase(phase_); }

  void SetWorkers(const Plan& plan);
  void EnterPhase(size_t phase, uint64_t step);
  void BeginStep(uint64_t step);
  bool AddEpoch();  // false: there are no more
  void Settle(Worker* worker, uint64_t done);
  void GiveBack(Worker* worker, const Outstanding& lease, uint64_t done);
  void NoteDone(Run run);
  bool TrainingIsOver() const;
  // The validation after `version` steps is this phase's: that at the end of a
  // phase is the next one's, which begins there.
  bool Validates(uint64_t version) const {
    return version < end_step() || version == schedule_.total_steps();
  }

  Grants Serve(absl::Time now);
  std::vector<uint64_t> InOrder() const;
  bool ServeOne(uint64_t node, absl::Time now, Grants* grants);
  bool LeaseValidation(uint64_t node, absl::Time now, Grants* grants);
  bool LeaseRun(uint64_t node, absl::Time now, Grants* grants);
  bool LeaseBackup(uint64_t node, absl::Time now, Grants* grants);
  bool FinishPhase(uint64_t node, absl::Time now, Grants* grants);
  void AdvanceClocks(Grants* grants);
  void SendToPhase(uint64_t node, Grants* grants);
  Lease* NewLease(uint64_t node, Work work, Run run, absl::Time now,
                  Grants* grants);
  std::optional<Run> TakeRun(uint64_t node, absl::Time now);
  uint64_t SizeFor(uint64_t node) const;
  bool IsTooSlowFor(uint64_t node, absl::Time now) const;
  double ExpectedSecondsLeft(uint64_t node, const Outstanding& lease,
                             absl::Time now) const;

  const uint64_t micro_batches_;
  const SchedulingSpec scheduling_;
  StepSchedule schedule_;
  std::map<uint64_t, Worker> workers_;
  WorkerSpeeds speeds_;
  uint64_t next_number_ = 1;
  uint64_t last_served_ = 0;

  size_t phase_ = 0;
  bool begun_ = false;  // this incarnation has a step to work on
  RunPool pool_;
  ValidationLeases validation_;
  bool hashed_ = false;
  bool hash_leased_ = false;

  // Once per step.
  uint64_t step_ = 0;
  uint64_t block_version_ = 0;  // of block 0
  std::set<uint64_t> done_in_step_;

  // On arrival.
  PushLedger done_{0};
  uint64_t frontier_ = 0;      // positions from here on were never leased
  uint64_t latest_clock_ = 0;  // of any lease
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_MICRO_BATCH_LEASES_H_
