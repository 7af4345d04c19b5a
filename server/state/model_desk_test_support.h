// MicroBatchLeases asked by hand, with answers that a person reads.
#ifndef HAWSER_SERVER_STATE_MODEL_DESK_TEST_SUPPORT_H_
#define HAWSER_SERVER_STATE_MODEL_DESK_TEST_SUPPORT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/state/micro_batch_leases.h"
#include "server/state/model_job_test_support.h"

namespace hawser {

// Workers 1, 2, ... and a time that a test sets.
class ModelDesk {
 public:
  ModelDesk(const ModelJob& job, size_t workers)
      : job_(job),
        leases_(PlanOf(job, Nodes(workers)), job.validation_chunks) {}

  void Adopt(size_t workers) { leases_.Adopt(PlanOf(job_, Nodes(workers))); }
  void AddPhase(const Phase& phase) { job_.phases.push_back(phase); }
  void TakeBackPhase() { job_.phases.pop_back(); }

  // Answers are in the order they were given, like "1: run 0+2".
  std::string Begin(uint64_t node, uint64_t step = 0) {
    LeaseRequest request;
    request.set_first(true);
    request.set_step(step);
    return Ask(node, request);
  }
  // The worker's lease is over.
  std::string Report(uint64_t node, uint32_t done, double seconds = 0) {
    return Report(node, numbers_[node], done, seconds);
  }
  std::string Report(uint64_t node, uint64_t number, uint32_t done,
                     double seconds) {
    LeaseRequest request;
    request.set_lease(number);
    request.set_done(done);
    request.set_seconds_per_micro_batch(seconds);
    return Ask(node, request);
  }
  std::string StepCompleted(uint64_t version) {
    return Text(leases_.StepCompleted(version, now_));
  }
  std::string Tick() { return Text(leases_.Tick(now_)); }

  void Wait(double seconds) { now_ += absl::Seconds(seconds); }
  double SecondsToDeadline() const {
    return absl::ToDoubleSeconds(leases_.NextDeadline(now_) - now_);
  }
  // Of a worker's last lease.
  uint64_t Number(uint64_t node) { return numbers_[node]; }
  const Lease& Last(uint64_t node) { return last_[node]; }

 private:
  static std::vector<uint64_t> Nodes(size_t workers) {
    std::vector<uint64_t> nodes;
    for (uint64_t node = 1; node <= workers; ++node) nodes.push_back(node);
    return nodes;
  }
  std::string Ask(uint64_t node, const LeaseRequest& request) {
    MicroBatchLeases::Grants grants;
    const absl::Status status = leases_.Request(node, request, now_, &grants);
    return status.ok() ? Text(grants) : std::string(status.message());
  }
  std::string Text(const MicroBatchLeases::Grants& grants) {
    std::string text;
    for (const auto& [node, lease] : grants) {
      if (lease.number() != 0) numbers_[node] = lease.number();
      last_[node] = lease;
      if (!text.empty()) text += ", ";
      text += std::to_string(node) + ": " + Text(lease);
    }
    return text;
  }
  static std::string Text(const Lease& lease) {
    switch (lease.work_case()) {
      case Lease::kRun:
        return (lease.run().backup() ? "backup " : "run ") +
               std::to_string(lease.run().position()) + "+" +
               std::to_string(lease.run().run());
      case Lease::kValidation:
        return "validate " + std::to_string(lease.validation().step()) + " " +
               std::to_string(lease.validation().first_chunk()) + "-" +
               std::to_string(lease.validation().last_chunk());
      case Lease::kHash:
        return "hash " + std::to_string(lease.hash().step());
      case Lease::kAdvanceClockTo:
        return "advance to " + std::to_string(lease.advance_clock_to());
      case Lease::kPhaseOverAt:
        return "over at " + std::to_string(lease.phase_over_at());
      case Lease::WORK_NOT_SET:
        break;
    }
    return "nothing";
  }

  ModelJob job_;
  MicroBatchLeases leases_;
  absl::Time now_ = absl::UnixEpoch();
  std::map<uint64_t, uint64_t> numbers_;
  std::map<uint64_t, Lease> last_;
};

// Two workers: leases of one micro-batch of four.
inline ModelJob OncePerStep() {
  ModelJob job;
  job.micro_batches = 4;
  job.optimizer_steps = 4;
  job.steps_per_epoch = 2;
  job.phases = {PhaseFrom(0, SYNCHRONOUS)};
  job.scheduling = Dynamic(ROUND_ROBIN);
  return job;
}

// Two workers: leases of half a step.
inline ModelJob OnArrivalJob(UpdateMode mode, uint32_t staleness = 0) {
  ModelJob job = OncePerStep();
  job.phases = {PhaseFrom(0, mode, staleness)};
  return job;
}

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_MODEL_DESK_TEST_SUPPORT_H_
