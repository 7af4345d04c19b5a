// The scheduler's driver: puts requests and time through the pure state, writes
// what it decides to the journal before anything acts on it, and answers,
// perhaps later, those who wait for news.
//
//   standing by --Start--> leading --Stop--> standing by
//
// While it stands by it knows nothing and refuses every request with
// UNAVAILABLE. It also does so, and acts on nothing, from when the journal says
// that another may lead (Journal::CheckLeads) until it is stopped.
//
// Thread-safe. Completions are called once, on any thread, without locks held.
#ifndef HAWSER_SCHEDULER_SCHEDULER_DRIVER_H_
#define HAWSER_SCHEDULER_SCHEDULER_DRIVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/file_calls.h"
#include "common/metrics/metric_families.h"
#include "common/threads.h"
#include "proto/scheduler.pb.h"
#include "scheduler/journal.h"
#include "scheduler/parked_requests.h"
#include "scheduler/state/cluster_state.h"
#include "scheduler/state/traces.h"
#include "scheduler/state/training_curves.h"

namespace hawser {

class SchedulerDriver {
 public:
  struct Options {
    absl::Duration lease = absl::Seconds(5);
    absl::Duration heartbeat = absl::Seconds(1);
    // The oldest of more are forgotten.
    size_t keep_ended_jobs = ClusterState::kEndedJobs;
    // The journal is rewritten (state/compaction.h) when its events take more
    // bytes than this, and twice as many as after the last time.
    uint64_t compact_bytes = 16 << 20;
    // Files of checkpoints are touched below this directory alone, which
    // servers call by the same name: absolute, without symbolic links.
    std::string output_root = "/";
    // Who leads, for those who ask while this one stands by. Called with locks
    // held; empty: there is no other scheduler.
    std::function<std::string()> describe_leader;
  };
  using Completion = ParkedRequests::Completion;

  // journal, clock, threads and calls, by which manifests are written, outlive
  // the driver.
  SchedulerDriver(Options options, Journal* journal, const Clock* clock,
                  Threads* threads, FileCalls* calls = MachineFileCalls());
  ~SchedulerDriver();

  // Replays the journal and starts the timer. One caller at a time, of Stop()
  // too.
  absl::Status Start();
  // Answers everybody who waits, and forgets everything.
  void Stop();
  // OK: it leads and answers. UNAVAILABLE: it stands by, and why.
  absl::Status Readiness() const {
    absl::MutexLock lock(&mutex_);
    return CheckLeads();
  }

  // Waits, runs, or has ended and is kept.
  bool HasJob(const std::string& name) const {
    absl::MutexLock lock(&mutex_);
    return state_.FindJob(name).ok();
  }

  absl::Status Submit(const SubmitJobRequest& request,
                      SubmitJobResponse* response);
  absl::Status Cancel(const CancelJobRequest& request);
  absl::Status ChangeJob(const ChangeJobRequest& request,
                         ChangeJobResponse* response);
  absl::Status List(ListJobsResponse* response);
  absl::Status GetLog(const GetJobLogRequest& request,
                      GetJobLogResponse* response);
  absl::Status ListNodes(ListNodesResponse* response);
  absl::Status DrainNode(const DrainNodeRequest& request);
  // Calls `look` while nothing changes. It must be quick.
  void Look(const std::function<void(const ClusterState& state,
                                     absl::Time now)>& look) const;
  absl::Status GetVersion(GetVersionResponse* response);
  absl::Status StartTrace(const StartTraceRequest& request,
                          StartTraceResponse* response);
  absl::Status AddSpans(const AddSpansRequest& request);
  absl::Status Register(const RegisterRequest& request,
                        RegisterResponse* response);
  absl::Status Deregister(const DeregisterRequest& request);
  // A heartbeat of the node has ended without an answer: so has its connection.
  void Doubt(uint64_t node);
  absl::Status Report(const ReportRequest& request);

  // May be answered later; response stays valid until then.
  void GetJob(const GetJobRequest& request, GetJobResponse* response,
              Completion done);
  void GetTrace(const GetTraceRequest& request, GetTraceResponse* response,
                Completion done);
  void Heartbeat(const HeartbeatRequest& request, HeartbeatResponse* response,
                 Completion done);

  // See TrainingCurves.
  void BeginCurves();
  std::vector<TrainingCurves::News> TakeCurveNews();

  // What it tells at /metrics.
  void CollectMetrics(MetricFamilies* families) const;

  // How often it was looked whether somebody who waits can be answered: what
  // all that waiting costs.
  uint64_t requests_asked() const {
    absl::MutexLock lock(&mutex_);
    return parked_.asked();
  }

 private:
  using Answers = ParkedRequests::Answers;

  // Runs one change of the state under the lock, carries out what follows from
  // it, and answers those who waited for it.
  absl::Status Change(
      const std::function<absl::Status(absl::Time now)>& change);
  void Park(ParkedRequests::Request request, uint32_t wait_ms);
  // OK: requests are answered.
  absl::Status CheckLeads() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Forget() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status ReplayJournal() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Settle(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status SettleEvents(absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CompactJournal() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // False: a checkpoint's manifest could not be written; it is not committed.
  bool WriteManifests(const std::vector<JournalEvent>& events, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Remove(const CheckpointDropped& checkpoint);
  absl::Status Commit(const std::vector<JournalEvent>& events)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Answers CollectAnswers(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RunTimer();
  // Unless it is drained already.
  void DrainLeaving(uint64_t node);

  const Options options_;
  Journal* const journal_;
  const Clock* const clock_;
  Threads* const threads_;
  FileCalls* const calls_;

  mutable absl::Mutex mutex_;
  ClusterState state_ ABSL_GUARDED_BY(mutex_);
  Traces traces_ ABSL_GUARDED_BY(mutex_);
  TrainingCurves curves_ ABSL_GUARDED_BY(mutex_);
  ParkedRequests parked_ ABSL_GUARDED_BY(mutex_);
  uint64_t journal_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t compact_above_ ABSL_GUARDED_BY(mutex_) = 0;  // bytes
  bool leading_ ABSL_GUARDED_BY(mutex_) = false;
  bool timer_changed_ ABSL_GUARDED_BY(mutex_) = false;
  // When the timer wakes, unless it is told that something has changed.
  absl::Time timer_wakes_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  // When what the journal refused is tried again; InfiniteFuture: nothing is.
  absl::Time retry_at_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  std::unique_ptr<Threads::Thread> timer_;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_SCHEDULER_DRIVER_H_
