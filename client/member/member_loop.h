// The life of a member (server or worker) of the cluster: registers with the
// scheduler, keeps its lease, and hands over orders as they come.
//
//   no number --Register--> node n --Heartbeat--> node n
//   node n --the scheduler does not know n--> in doubt: its lease has ended, or
//       the scheduler has restarted; what it works on goes on, reports wait
//   in doubt --Register, answered with n--> node n, as if nothing had been
//   in doubt --answered with another number m--> node m: what it worked on and
//       what it had to report is dropped
//
// While no scheduler answers, it tries at least every kLongestPause, and what
// it works on goes on. Reports go out in order (report_queue.h), each until it
// is answered.
//
// Thread-safe. on_orders is called on the loop's own thread, one call at a
// time, with the whole desired state; it must return soon, since the lease is
// renewed by the same thread.
#ifndef HAWSER_CLIENT_MEMBER_MEMBER_LOOP_H_
#define HAWSER_CLIENT_MEMBER_MEMBER_LOOP_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/control/scheduler_client.h"
#include "client/member/report_queue.h"
#include "common/metrics/counter.h"
#include "common/metrics/metric_families.h"
#include "common/threads.h"
#include "proto/scheduler.pb.h"

namespace hawser {

// What this process tells the scheduler of itself. address: where a server's
// data plane is reached; empty for a worker.
RegisterRequest RegistrationOf(Role role, const std::string& address);

class MemberLoop {
 public:
  using OnOrders = std::function<void(uint64_t node, const Orders& orders)>;
  // As OnOrders; `order` of nothing: nothing is to be recorded.
  using OnTrace = std::function<void(uint64_t node, const TraceOrder& order)>;

  // As OnOrders: all that holds now.
  using OnCheckpoints =
      std::function<void(const std::vector<CheckpointOrder>& orders)>;
  // Adds what this member tells with each heartbeat; must not block.
  using AddNews = std::function<void(HeartbeatRequest* heartbeat)>;
  // Its number, each time that it has registered.
  using OnRegistered = std::function<void(uint64_t node)>;
  // Between two tries to reach the scheduler.
  static constexpr absl::Duration kLongestPause = absl::Seconds(1);

  // client and threads outlive the loop. Starts at once; the scheduler may come
  // later.
  // on_refused: called once if the scheduler will never take this member
  // (another version); see failure(). on_trace, on_checkpoints, add_news,
  // on_registered: may be empty.
  MemberLoop(SchedulerClient* client, RegisterRequest registration,
             OnOrders on_orders, std::function<void()> on_refused,
             Threads* threads, OnTrace on_trace = nullptr,
             OnCheckpoints on_checkpoints = nullptr, AddNews add_news = nullptr,
             OnRegistered on_registered = nullptr);
  // Stops.
  ~MemberLoop();

  // Queues a report; node is filled in. Reports of a number that is not its own
  // any more, and reports the scheduler refuses for good, are dropped.
  void Report(ReportRequest report);

  // The same, and waits until it is answered. CANCELLED: the loop stops.
  // Otherwise what the scheduler said.
  absl::Status ReportAndWait(ReportRequest report);

  // Asks for what the member holds to go to others, and waits until it has, at
  // most so long. What it works on goes on. OK: it holds nothing, and nothing
  // is lost when it stops. DEADLINE_EXCEEDED: with what it waits for.
  absl::Status Drain(absl::Duration patience);

  // Leaves the cluster: queued reports are dropped, the scheduler is told.
  void Stop();

  // What it tells at /metrics.
  void CollectMetrics(MetricFamilies* families) const;

  // Why the member cannot be part of the cluster, if so.
  absl::Status failure() const;

 private:
  void Run();
  void RunReports();
  // Returns when the loop is to stop (false), or with known->node() being the
  // number that it has, if any, or a new one.
  bool Register(HeartbeatRequest* known);
  void TakeNumber(const RegisterResponse& response, HeartbeatRequest* known);
  void DropWork(const HeartbeatRequest& known);
  // Returns when the loop is to stop, or the number is in doubt.
  void RenewUntilForgotten(HeartbeatRequest* known);
  void HandOver(const HeartbeatResponse& response, HeartbeatRequest* known);
  bool Pause(absl::Duration duration);  // false: stop
  // Sends until it is answered by a scheduler that knows this member.
  absl::Status SendReport(const ReportRequest& report);
  // Waits for the next registration. CANCELLED: the loop stops. NOT_FOUND: the
  // number is not this member's any more.
  absl::Status AwaitNumber(uint64_t node, uint64_t registrations);

  SchedulerClient* const client_;
  const RegisterRequest registration_;
  const OnOrders on_orders_;
  const std::function<void()> on_refused_;
  const OnTrace on_trace_;
  const OnCheckpoints on_checkpoints_;
  const AddNews add_news_;
  const OnRegistered on_registered_;
  Threads* const threads_;
  Gauge connected_;  // 1: the scheduler has answered the last heartbeat
  Counter heartbeats_failed_;
  Counter reports_refused_;

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t node_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t registrations_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration heartbeat_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  ReportQueue reports_ ABSL_GUARDED_BY(mutex_);
  bool leaving_ ABSL_GUARDED_BY(mutex_) = false;
  NodeState state_ ABSL_GUARDED_BY(mutex_) = SERVING;
  std::string why_it_stays_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Threads::Thread> reporter_;
  std::unique_ptr<Threads::Thread> thread_;
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_MEMBER_MEMBER_LOOP_H_
