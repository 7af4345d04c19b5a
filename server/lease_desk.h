// Where the workers of one job get their leases (state/micro_batch_leases.h):
// takes lease requests, answers them now or later.
//
// Thread-safe.
#ifndef HAWSER_SERVER_LEASE_DESK_H_
#define HAWSER_SERVER_LEASE_DESK_H_

#include <cstddef>
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
  // Tells the replica of block 0 what would be left to lease if this server was
  // lost, and calls `answered` when it knows; must not block.
  using Replicate = std::function<void(const LeaseState& state,
                                       std::function<void()> answered)>;

  // clock outlives the desk. on_waiting: called when a request is not answered
  // at once, so that NextDeadline may have changed; on any thread, must not
  // block. replicate: null: there is no replica. is_filling: nothing is
  // replicated before ExportToReplica.
  LeaseDesk(const Plan& plan, const Clock* clock,
            std::function<void()> on_waiting, Replicate replicate = nullptr,
            bool is_filling = false);

  // A new incarnation. Those who wait are refused.
  void Adopt(const Plan& plan, Replicate replicate = nullptr,
             bool is_filling = false);
  void Close();

  // A kLeaseRequest. Refused by an error to its sink: a stale incarnation, a
  // node that is no worker, a payload that is no request.
  void Handle(IncomingFrame frame);

  // See MicroBatchLeases.
  LeaseState Export();
  // What would be left to lease if this server was lost; from here on nothing
  // is granted of which the replica does not know. Requires that there is one.
  LeaseState ExportToReplica();
  absl::Status Restore(const LeaseState& state);
  std::optional<uint64_t> UnfinishedStep();
  bool OrderCheckpoint(uint64_t step);
  void StepCompleted(uint64_t version);
  void Tick();
  absl::Time NextDeadline();

  // Workers that have asked and have not been answered.
  size_t waiting_workers();

 private:
  struct Waiting {
    FrameHeader header;
    std::shared_ptr<ReplySink> sink;
    uint64_t number = 0;  // of the request
  };

  absl::Status Request(const IncomingFrame& frame)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // At once, or when the replica of block 0 knows of it.
  void Answer(const MicroBatchLeases::Grants& grants)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Deliver(const MicroBatchLeases::Grants& grants)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RefuseWaiting() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  LeaseState Left() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock* const clock_;
  const std::function<void()> on_waiting_;
  absl::Mutex mutex_;
  Plan plan_ ABSL_GUARDED_BY(mutex_);  // where there is a replica
  Replicate replicate_ ABSL_GUARDED_BY(mutex_);
  bool is_filling_ ABSL_GUARDED_BY(mutex_);
  uint64_t incarnation_ ABSL_GUARDED_BY(mutex_);
  MicroBatchLeases leases_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, Waiting> waiting_ ABSL_GUARDED_BY(mutex_);  // by node
  uint64_t requests_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_LEASE_DESK_H_
