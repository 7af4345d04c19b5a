// The life of a member (server or worker) of the cluster: registers with the
// scheduler, keeps its lease, and hands over orders as they come. Registers
// again when the scheduler has forgotten it. Reports go out in order, each
// until it is answered.
//
// Thread-safe. on_orders is called on the loop's own thread, one call at a
// time, with the whole desired state; it must return soon, since the lease is
// renewed by the same thread.
#ifndef HAWSER_CLIENT_MEMBER_MEMBER_LOOP_H_
#define HAWSER_CLIENT_MEMBER_MEMBER_LOOP_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/control/scheduler_client.h"
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

  // client and threads outlive the loop. Starts at once; the scheduler may come
  // later.
  // on_refused: called once if the scheduler will never take this member
  // (another version); see failure(). on_trace, on_checkpoints: may be empty.
  MemberLoop(SchedulerClient* client, RegisterRequest registration,
             OnOrders on_orders, std::function<void()> on_refused,
             Threads* threads, OnTrace on_trace = nullptr,
             OnCheckpoints on_checkpoints = nullptr);
  // Stops.
  ~MemberLoop();

  // Queues a report; node is filled in. Reports of a registration that has
  // ended, and reports the scheduler refuses for good, are dropped.
  void Report(ReportRequest report);

  // The same, and waits until it is answered. CANCELLED: the loop stops.
  // Otherwise what the scheduler said.
  absl::Status ReportAndWait(ReportRequest report);

  // Leaves the cluster: queued reports are dropped, the scheduler is told.
  void Stop();

  // Why the member cannot be part of the cluster, if so.
  absl::Status failure() const;

 private:
  void Run();
  void RunReports();
  // Both return when the loop is to stop or the registration has ended.
  bool Register();
  void RenewUntilForgotten();
  void HandOver(const HeartbeatResponse& response, HeartbeatRequest* known);
  bool Pause(absl::Duration duration);  // false: stop
  // Sends until it is answered.
  absl::Status SendReport(const ReportRequest& report);

  SchedulerClient* const client_;
  const RegisterRequest registration_;
  const OnOrders on_orders_;
  const std::function<void()> on_refused_;
  const OnTrace on_trace_;
  const OnCheckpoints on_checkpoints_;
  Threads* const threads_;

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t node_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration heartbeat_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::deque<ReportRequest> reports_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Threads::Thread> reporter_;
  std::unique_ptr<Threads::Thread> thread_;
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_MEMBER_MEMBER_LOOP_H_
