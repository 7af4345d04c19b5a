// A whole job on virtual time: MicroBatchLeases, the blocks that count what is
// pushed, and workers of given speeds that ask, read, compute, push, validate
// and hash as they are told. Every lease is audited. Workers are lost, join,
// start over and pause as a test wants it; messages take a random time, or
// none.
//
//   LeaseModel model(job, {1, 1, 0.2}, options);
//   model.At(3.5, [&] { model.Lose(2); });
//   model.Run();
//   EXPECT_GT(model.Throughput(), 0.9);
//
// The same arguments give the same run.
#ifndef HAWSER_SERVER_STATE_LEASE_MODEL_TEST_SUPPORT_H_
#define HAWSER_SERVER_STATE_LEASE_MODEL_TEST_SUPPORT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/job/step_schedule.h"
#include "proto/plan.pb.h"
#include "server/state/lease_audit_test_support.h"
#include "server/state/micro_batch_leases.h"
#include "server/state/model_block_test_support.h"
#include "server/state/model_job_test_support.h"

namespace hawser {

struct ModelOptions {
  uint64_t seed = 0;
  double message_seconds = 0;     // at most; each takes a random part of it
  double chunk_seconds = 0;       // to validate one, at speed 1
  double detection_seconds = 0;   // until a lost worker is missed
  double repeat_probability = 0;  // that a request is sent twice
  // Of what happens to a worker between its pushes of one lease.
  double forgets_probability = 0;  // and starts over
  double loss_probability = 0;
  // That leases go on at another server when the members change.
  double move_probability = 0;
  bool prints = false;  // what workers say and are told
};

class LeaseModel {
 public:
  // Workers 1, 2, ... of these speeds, in micro-batches a second.
  LeaseModel(const ModelJob& job, const std::vector<double>& speeds,
             const ModelOptions& options);

  // Calls it when so many seconds have passed, if the job is not over before.
  void At(double seconds, std::function<void()> action);

  // Calls it when block 0 has made so many steps.
  void OnStep(std::function<void(uint64_t step)> action) {
    on_step_ = std::move(action);
  }

  void Lose(uint64_t node);
  void Join(double speed);
  // Its process forgets everything and begins again, as the same worker.
  void StartOver(uint64_t node);
  // What it computes next takes so much longer.
  void Pause(uint64_t node, double seconds);
  // As the scheduler does by the time. False: it is too late for the step.
  bool OrderCheckpoint(uint64_t step);
  // The rest of the job is synchronised like this.
  void Change(const SynchronisationSpec& synchronisation);

  // To the end of the job, or until nobody can go on: a failed test.
  void Run();

  // Of the sum of the speeds the workers have in the end.
  double Throughput() const;
  double Seconds() const { return absl::ToDoubleSeconds(now_ - start_); }
  std::vector<uint64_t> Nodes() const;
  const LeaseAudit& audit() const { return audit_; }
  uint64_t Steps() const { return blocks_[0].version(); }

 private:
  struct Worker {
    double speed = 1;
    uint64_t life = 0;    // rises when it drops what it does
    uint64_t stream = 0;  // the life in which it asked last
    size_t phase = 0;
    uint64_t attempt = 0;
    uint64_t complete_steps = 0;  // as it has found out
    bool asks = false;
    double last_grant = 0;  // arrives then
    bool over = false;
    Lease lease;       // that it works on
    bool own = false;  // the lease is its own idea: STATIC and SYNCHRONOUS
    uint64_t own_step = 0;
    std::set<size_t> unread;  // blocks that have not answered
    uint64_t done = 0;
    double pause_seconds = 0;
  };

  // Unless the worker's life ends before: so many seconds later, or after the
  // start.
  void Later(uint64_t node, double seconds, std::function<void()> action);
  void LaterAt(uint64_t node, double seconds, std::function<void()> action);
  double Message();
  void Print(uint64_t node, const std::string& what) const;
  bool Over() const;
  void Adopt();
  void MoveLeases();
  void Begin(uint64_t node);
  void BeginPhase(uint64_t node, uint64_t step);
  void BeginOwnStep(uint64_t node, uint64_t step);
  void Ask(uint64_t node, LeaseRequest request);
  void Report(uint64_t node, uint64_t done);
  void Deliver(uint64_t node, const LeaseRequest& request);
  void Grant(const MicroBatchLeases::Grants& grants);
  void Receive(uint64_t node, const Lease& lease);
  void Read(uint64_t node);
  void Served(uint64_t node, size_t block);
  void Compute(uint64_t node);
  void Push(uint64_t node, size_t pushes);
  void PushToBlock(uint64_t node, size_t block);
  void Validate(uint64_t node);
  void Settle();
  void Tell(uint64_t version);
  uint64_t LeastVersion() const;
  // Where workers begin: what all servers have completed and reported.
  uint64_t Progress() const;
  bool on_arrival(const Worker& worker) const {
    return OnArrival(schedule_.phases()[worker.phase]);
  }

  ModelJob job_;
  const ModelOptions options_;
  Draws draws_;
  Plan plan_;
  StepSchedule schedule_;
  std::unique_ptr<MicroBatchLeases> leases_;
  LeaseAudit audit_;
  std::vector<ModelBlock> blocks_;
  std::map<uint64_t, Worker> workers_;
  std::map<uint64_t, std::pair<uint64_t, uint64_t>> reads_;  // token to whose
  uint64_t next_token_ = 1;
  uint64_t ordered_ = 0;  // the last step; 0: none
  uint64_t next_node_ = 1;
  int missed_ = 0;        // lost workers, until that is noticed
  uint64_t telling_ = 0;  // the version of block 0 that leases_ will know,
  uint64_t told_ = 0;     // ... and that it knows
  const absl::Time start_ = absl::UnixEpoch();
  absl::Time now_ = start_;
  std::function<void(uint64_t step)> on_step_ = [](uint64_t) {};
  uint64_t next_event_ = 0;
  std::map<std::pair<absl::Time, uint64_t>, std::function<void()>> events_;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_LEASE_MODEL_TEST_SUPPORT_H_
