// Where the workers of one job get their leases (state/micro_batch_leases.h):
// takes lease requests, answers them now or later.
//
// Thread-safe.
#ifndef HAWSER_SERVER_LEASE_DESK_H_
#define HAWSER_SERVER_LEASE_DESK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "proto/plan.pb.h"
#include "server/frame_io.h"
#include "server/state/micro_batch_leases.h"

namespace hawser {

class LeaseDesk {
 public:
  // clock outlives the desk. on_waiting: called when a request is not answered
  // at once, so that NextDeadline may have changed; on any thread, must not
  // block.
  LeaseDesk(const Plan& plan, const Clock* clock,
            std::function<void()> on_waiting);

  // A new incarnation. Those who wait are refused.
  void Adopt(const Plan& plan);
  void Close();

  // A kLeaseRequest. Refused by an error to its sink: a stale incarnation, a
  // node that is no worker, a payload that is no request.
  void Handle(IncomingFrame frame);

  // See MicroBatchLeases.
  LeaseState Export();
  absl::Status Restore(const LeaseState& state);
  std::optional<uint64_t> UnfinishedStep();
  void StepCompleted(uint64_t version);
  void Tick();
  absl::Time NextDeadline();

 private:
  struct Waiting {
    FrameHeader header;
    std::shared_ptr<ReplySink> sink;
  };

  absl::Status Request(const IncomingFrame& frame)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Answer(const MicroBatchLeases::Grants& grants)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RefuseWaiting() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock* const clock_;
  const std::function<void()> on_waiting_;
  absl::Mutex mutex_;
  uint64_t incarnation_ ABSL_GUARDED_BY(mutex_);
  MicroBatchLeases leases_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, Waiting> waiting_ ABSL_GUARDED_BY(mutex_);  // by node
};

}  // namespace hawser

#endif  // HAWSER_SERVER_LEASE_DESK_H_
