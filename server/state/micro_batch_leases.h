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
// then is of no use any more. But a step that is made again, after a worker was
// lost, is over when all of it has been done again: what that worker pushed to
// block 0 other blocks may lack. When all of it is leased, a worker that waits
// may get a micro-batch that a slower one has been leased, a backup: whichever
// is pushed first counts, and both are the same bits. A backup may have a
// backup, too: no step waits for workers that pause as long as one does not.
//
// On arrival: the micro-batches of the whole phase are leased in order, an
// epoch's before the next one's. A lease that its worker has not reported as
// done is leased again when the worker is lost; a block that has counted it
// does not count it twice (push_ledger.h). What is leased again lies within one
// lease before, so that a block has counted all of it or nothing. Where a
// checkpoint is made, nobody gets further before all have come so far
// (checkpoint_cuts.h).
//
// Validation after an epoch is leased in chunks; once per step, training waits
// for it, so that all of it sees one version.
//
// A phase on arrival is over when its validation is, too: until then it has an
// UnfinishedStep, which the server tells as its progress, so that whoever
// begins anew comes here first, though every block may be in the next phase
// already.
//
// Clocks (bounded staleness): a worker's leases have rising clocks, one more
// each time. A worker that has no run must not hold up those that have: one
// that waits is told to advance its clock to what they need, and one that
// validates is at the latest clock there is.
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
#include "server/state/checkpoint_cuts.h"
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

  // validation_chunks: of a pass over the validation data. The first worker
  // that asks says from which step on there is work; what is before has been
  // made, and validated, without these leases.
  MicroBatchLeases(const Plan& plan, uint32_t validation_chunks);

  // A new incarnation: other workers, perhaps further phases. All workers begin
  // with a Request that is their first.
  void Adopt(const Plan& plan);

  // What the leases of the job go on with at another server, once no lease is
  // out: after Adopt.
  LeaseState Export() const;
  // Before the first request. INVALID_ARGUMENT: of another plan.
  absl::Status Restore(const LeaseState& state);

  // Answers those who can be. NOT_FOUND: the node is no worker of the plan.
  // ALREADY_EXISTS: a repeat, or late: it names another lease than the one the
  // worker has, or is of an earlier attempt, and changes nothing.
  // INVALID_ARGUMENT: the job has no such step.
  absl::Status Request(uint64_t node, const LeaseRequest& request,
                       absl::Time now, Grants* grants);

  // A step of which something is left to do, though every block may be beyond
  // it: reports of work, or validation, of a phase in which pushes are applied
  // on arrival. Nothing: there is no such step.
  std::optional<uint64_t> UnfinishedStep() const;

  // A checkpoint of `step` (0: of none) is ordered. False: too late, pushes on
  // arrival are beyond it (checkpoint_cuts.h).
  bool OrderCheckpoint(uint64_t step);

  // Block 0 has reached `version`.
  Grants StepCompleted(uint64_t version, absl::Time now);

  // Work that has become worth it for those who wait: backups, and what they
  // had left to others.
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
    uint64_t told_clock = 0;  // servers know that it is there, at least
    double load_seconds = 0;
    uint64_t last_step = 0;  // that it had work of
    std::optional<Outstanding> lease;
    bool waiting = false;
    bool behind = false;  // others have begun a phase that it has not
    uint64_t attempt = 0;
  };

  // What the phase in progress asks for.
  bool on_arrival() const;
  std::optional<uint64_t> staleness() const;
  const SynchronisationSpec& synchronisation() const;
  uint64_t start_step() const { return schedule_.phases()[phase_].from_step(); }
  uint64_t end_step() const { return schedule_.EndOfPhase(phase_); }

  void SetWorkers(const Plan& plan);
  void SetWaiting(uint64_t node, bool waiting);
  void EnterPhase(size_t phase, uint64_t step);
  void StartPool(uint64_t step);
  void BeginStep(uint64_t step);
  void ForgetRuns();  // that are leased
  bool AddEpoch();    // false: there are no more
  bool LeaseAgain(uint64_t node, uint64_t step, absl::Time now, Grants* grants);
  // The worker's lease is over. reported: how much of it is done; nothing: the
  // worker is lost, or has forgotten.
  void Settle(Worker* worker, std::optional<uint64_t> reported);
  void GiveBack(Run rest, bool lost);
  void AllowBackup(uint64_t position);  // again
  void NoteDone(Run run);
  bool TrainingIsOver() const;
  bool ValidationIsDue() const;

  Grants Serve(absl::Time now);
  void BeginValidation();
  // False: workers have their own micro-batches, and validate their own chunks.
  bool IsLeased(uint64_t step) const;
  std::vector<uint64_t> InOrder() const;
  bool FastestFirst() const;
  bool IsServedThough(uint64_t node) const;
  bool IsTriedAgain(uint64_t node) const;
  bool ServeOne(uint64_t node, absl::Time now, Grants* grants);
  bool LeaseValidation(uint64_t node, absl::Time now, Grants* grants);
  bool LeaseRun(uint64_t node, absl::Time now, Grants* grants);
  bool LeaseBackup(uint64_t node, absl::Time now, Grants* grants);
  bool FinishPhase(uint64_t node, absl::Time now, Grants* grants);
  bool TellPhaseOver(uint64_t node, uint64_t step, Grants* grants);
  void AdvanceClocks(Grants* grants);
  Lease* NewLease(uint64_t node, Work work, Run run, absl::Time now,
                  Grants* grants);
  std::optional<Run> TakeRun(uint64_t node, absl::Time now);
  // Of what is in the pool, or was: positions from here on are not to be leased
  // yet.
  uint64_t LeasableEnd();
  uint64_t SizeFor(uint64_t node) const;
  double SecondsOnArrival() const;
  bool IsTooSlowFor(uint64_t node, absl::Time now) const;
  double ExpectedSecondsLeft(uint64_t node, const Outstanding& lease,
                             absl::Time now) const;

  const uint64_t micro_batches_;
  const SchedulingSpec scheduling_;
  StepSchedule schedule_;
  std::map<uint64_t, Worker> workers_;
  std::set<uint64_t> waiting_;  // those of them that wait
  WorkerSpeeds speeds_;
  uint64_t next_number_ = 1;
  uint64_t last_served_ = 0;

  size_t phase_ = 0;
  bool entered_ = false;  // a worker has said which phase it is
  bool begun_ = false;    // this incarnation has a step to work on
  RunPool pool_;
  CheckpointCuts cuts_;
  ValidationLeases validation_;
  bool hashed_ = false;
  bool hash_leased_ = false;

  // Once per step.
  uint64_t step_ = 0;
  bool remade_ = false;         // after a worker was lost
  uint64_t block_version_ = 0;  // of block 0
  std::set<uint64_t> done_in_step_;

  // On arrival.
  PushLedger done_{0};
  uint64_t frontier_ = 0;      // positions from here on were never leased
  uint64_t latest_clock_ = 0;  // of any lease
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_MICRO_BATCH_LEASES_H_
