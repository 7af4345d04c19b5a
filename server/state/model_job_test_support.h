// Jobs for the model of leases (lease_model_test_support.h): their plans, and
// the random numbers of their seeds.
#ifndef HAWSER_SERVER_STATE_MODEL_JOB_TEST_SUPPORT_H_
#define HAWSER_SERVER_STATE_MODEL_JOB_TEST_SUPPORT_H_

#include <cstdint>
#include <vector>

#include "common/counter_random.h"
#include "proto/plan.pb.h"

namespace hawser {

struct ModelJob {
  uint32_t micro_batches = 8;
  uint64_t optimizer_steps = 8;
  uint64_t steps_per_epoch = 4;
  std::vector<Phase> phases;
  SchedulingSpec scheduling;
  CheckpointSpec checkpoint;
  uint32_t validation_chunks = 0;
  uint32_t blocks = 1;
};

inline SchedulingSpec Static() {
  SchedulingSpec spec;
  spec.set_policy(STATIC);
  return spec;
}

inline SchedulingSpec Dynamic(LeasePolicy leases) {
  SchedulingSpec spec;
  spec.set_policy(DYNAMIC);
  spec.set_leases(leases);
  return spec;
}

inline Phase PhaseFrom(uint64_t step, UpdateMode mode, uint32_t staleness = 0,
                       double window_seconds = 0, uint32_t local_steps = 1) {
  Phase phase;
  phase.set_from_step(step);
  SynchronisationSpec* spec = phase.mutable_synchronisation();
  spec->set_mode(mode);
  spec->set_staleness(staleness);
  spec->set_staleness_seconds(window_seconds);
  spec->set_local_steps(local_steps);
  return phase;
}

// A plan whose workers share the micro-batches of a step evenly.
inline Plan PlanOf(const ModelJob& job, const std::vector<uint64_t>& nodes,
                   uint64_t incarnation = 1) {
  Plan plan;
  plan.set_incarnation(incarnation);
  *plan.mutable_spec()->mutable_scheduling() = job.scheduling;
  *plan.mutable_spec()->mutable_checkpoint() = job.checkpoint;
  plan.mutable_spec()->mutable_schedule()->set_micro_batches(job.micro_batches);
  plan.set_optimizer_steps(job.optimizer_steps);
  plan.set_steps_per_epoch(job.steps_per_epoch);
  for (const Phase& phase : job.phases) *plan.add_phases() = phase;
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    const auto count = static_cast<uint32_t>(nodes.size());
    MicroBatchRange* range = plan.add_workers();
    range->set_node(nodes[i]);
    range->set_first(job.micro_batches * i / count);
    range->set_last(job.micro_batches * (i + 1) / count);
  }
  return plan;
}

inline bool OnArrival(const Phase& phase) {
  return phase.synchronisation().mode() != SYNCHRONOUS;
}

// False: each worker has its own micro-batches in every step, and asks nobody.
inline bool IsLeased(const Plan& plan, const Phase& phase) {
  return plan.spec().scheduling().policy() == DYNAMIC || OnArrival(phase);
}

class Draws {
 public:
  explicit Draws(uint64_t seed) : random_(seed, RandomPurpose::kSampleOrder) {}

  uint64_t Below(uint64_t bound) { return random_.Below(next_++, bound); }
  uint64_t Between(uint64_t first, uint64_t last) {
    return first + Below(last - first + 1);
  }
  double Uniform() { return static_cast<double>(random_.Uniform(4 * next_++)); }
  bool Chance(double probability) { return Uniform() < probability; }

 private:
  CounterRandom random_;
  uint64_t next_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_MODEL_JOB_TEST_SUPPORT_H_
