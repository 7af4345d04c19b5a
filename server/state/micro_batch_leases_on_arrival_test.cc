// Whole jobs on virtual time whose pushes are applied on arrival. What must
// hold of every lease and every read: lease_audit_test_support.
#include <vector>

#include "gtest/gtest.h"
#include "server/state/lease_model_test_support.h"

namespace hawser {
namespace {

const std::vector<SchedulingSpec>& Schedulings() {
  static const auto* const all = new std::vector<SchedulingSpec>{
      Static(), Dynamic(ROUND_ROBIN), Dynamic(LEAST_LOAD), Dynamic(ADAPTIVE)};
  return *all;
}

ModelJob Job(const Phase& phase, const SchedulingSpec& scheduling,
             uint32_t micro_batches, uint64_t steps) {
  ModelJob job;
  job.micro_batches = micro_batches;
  job.optimizer_steps = steps;
  job.steps_per_epoch = 20;
  job.phases = {phase};
  job.scheduling = scheduling;
  return job;
}

// Micro-batches a second, as a part of what the workers can do, of workers of
// which one is five times slower.
double ThroughputOf(const ModelJob& job) {
  LeaseModel model(job, {1, 1, 1, 0.2}, {});
  model.Run();
  return model.Throughput();
}

TEST(OnArrivalTest, NobodyWaitsWhereReadsDoNot) {
  for (const LeasePolicy policy : {ROUND_ROBIN, LEAST_LOAD, ADAPTIVE}) {
    for (const uint32_t micro_batches : {4, 8, 16, 32}) {
      const Phase phase = PhaseFrom(0, ASYNCHRONOUS);
      EXPECT_GE(ThroughputOf(Job(phase, Dynamic(policy), micro_batches, 200)),
                0.9)
          << LeasePolicy_Name(policy) << ", " << micro_batches;
    }
  }
}

TEST(OnArrivalTest, WithABoundTheSlowestKeepsUp) {
  const Phase phase = PhaseFrom(0, BOUNDED_STALENESS, 4);
  for (const uint32_t micro_batches : {8, 16, 32}) {
    EXPECT_GE(ThroughputOf(Job(phase, Dynamic(ADAPTIVE), micro_batches, 200)),
              0.85)
        << micro_batches;
  }
  // No lease is longer than a step, which lasts 4 seconds then.
  EXPECT_GE(ThroughputOf(Job(phase, Dynamic(ADAPTIVE), 4, 200)), 0.75);
}

TEST(OnArrivalTest, WithABoundEqualLeasesGoAtThePaceOfTheSlowest) {
  const Phase phase = PhaseFrom(0, BOUNDED_STALENESS, 4);
  for (const LeasePolicy policy : {ROUND_ROBIN, LEAST_LOAD}) {
    const double throughput =
        ThroughputOf(Job(phase, Dynamic(policy), 16, 200));
    EXPECT_GE(throughput, 0.25);
    EXPECT_LT(throughput, 0.3);
  }
}

TEST(OnArrivalTest, ValidationIsSharedAndHoldsNobodyUp) {
  for (const Phase& phase :
       {PhaseFrom(0, ASYNCHRONOUS), PhaseFrom(0, BOUNDED_STALENESS, 0),
        PhaseFrom(0, BOUNDED_STALENESS, 4)}) {
    ModelJob job = Job(phase, Dynamic(ADAPTIVE), 16, 80);
    job.validation_chunks = 80;
    ModelOptions options;
    options.chunk_seconds = 1;
    LeaseModel model(job, {1, 1, 1, 1}, options);
    model.Run();
    const double work = 16 * 80 + 4 * 80;  // seconds of one worker
    EXPECT_LT(model.Seconds(), 1.15 * work / 4) << phase.ShortDebugString();
  }
}

// Blocks count different parts of what a lost worker pushed, and none ever has
// to refuse a run because it has counted a part of it.
TEST(OnArrivalTest, EveryMicroBatchCountsOnceWhereverWorkersAreLost) {
  for (const Phase& phase :
       {PhaseFrom(0, ASYNCHRONOUS), PhaseFrom(0, BOUNDED_STALENESS, 0),
        PhaseFrom(0, BOUNDED_STALENESS, 1), PhaseFrom(0, BOUNDED_STALENESS, 4),
        PhaseFrom(0, BOUNDED_STALENESS, 0, /*window_seconds=*/1.5)}) {
    for (const SchedulingSpec& scheduling : Schedulings()) {
      ModelJob job = Job(phase, scheduling, 12, 60);
      job.blocks = 4;
      job.validation_chunks = 3;
      ModelOptions options;
      options.message_seconds = 0.2;
      options.chunk_seconds = 0.5;
      options.detection_seconds = 2;
      options.loss_probability = 0.01;
      options.forgets_probability = 0.01;
      SCOPED_TRACE(phase.ShortDebugString() + scheduling.ShortDebugString());
      LeaseModel model(job, {1, 1, 3, 0.2, 1}, options);
      for (int i = 1; i < 10; ++i) {
        model.At(20 * i, [&] { model.Join(1); });
      }
      model.Run();
    }
  }
}

}  // namespace
}  // namespace hawser
