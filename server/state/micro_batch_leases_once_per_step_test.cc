// Whole jobs on virtual time whose updates are made once per step, with work
// leased as workers go. What must hold of every lease:
// lease_audit_test_support.
#include <vector>

#include "gtest/gtest.h"
#include "server/state/lease_model_test_support.h"

namespace hawser {
namespace {

constexpr LeasePolicy kPolicies[] = {ROUND_ROBIN, LEAST_LOAD, ADAPTIVE};

ModelJob Job(LeasePolicy policy, uint32_t micro_batches, uint64_t steps) {
  ModelJob job;
  job.micro_batches = micro_batches;
  job.optimizer_steps = steps;
  job.steps_per_epoch = 10;
  job.phases = {PhaseFrom(0, SYNCHRONOUS)};
  job.scheduling = Dynamic(policy);
  return job;
}

// When the last step was made. A worker may be busy, or pause, for longer.
double SecondsToLastStep(LeaseModel* model) {
  double seconds = 0;
  model->OnStep([&](uint64_t) { seconds = model->Seconds(); });
  model->Run();
  return seconds;
}

TEST(OncePerStepTest, EveryWorkerIsKeptBusy) {
  for (const LeasePolicy policy : kPolicies) {
    for (const uint32_t micro_batches : {16, 32}) {
      LeaseModel model(Job(policy, micro_batches, 100), {1, 1, 1, 0.2}, {});
      model.Run();
      EXPECT_GE(model.Throughput(), policy == ADAPTIVE ? 0.85 : 0.6)
          << LeasePolicy_Name(policy) << ", " << micro_batches;
    }
  }
}

TEST(OncePerStepTest, AdaptiveWhoeverWouldHoldTheStepUpIsLeftOut) {
  for (const uint32_t micro_batches : {4, 8, 16, 32}) {
    LeaseModel model(Job(ADAPTIVE, micro_batches, 100), {1, 1, 1, 0.001}, {});
    // Whole micro-batches on three workers.
    const uint64_t best = (micro_batches + 2) / 3 * 100;
    EXPECT_LT(SecondsToLastStep(&model), 1.1 * static_cast<double>(best))
        << micro_batches;
  }
}

TEST(OncePerStepTest, MoreWorkersThanMicroBatches) {
  for (const LeasePolicy policy : kPolicies) {
    for (size_t workers = 2; workers <= 12; ++workers) {
      LeaseModel model(Job(policy, 2, 20), std::vector<double>(workers, 1), {});
      model.Run();
      EXPECT_EQ(model.Seconds(), 20) << LeasePolicy_Name(policy);
    }
  }
}

TEST(OncePerStepTest, NoStepWaitsForWorkersThatPauseWhileOneDoesNot) {
  for (const LeasePolicy policy : kPolicies) {
    LeaseModel model(Job(policy, 16, 40), {1, 1, 1, 1}, {});
    model.At(20.5, [&] { model.Pause(1, 1e6); });
    model.At(30.5, [&] { model.Pause(2, 1e6); });
    model.At(32.5, [&] { model.Pause(3, 1e6); });
    EXPECT_LT(SecondsToLastStep(&model), 700) << LeasePolicy_Name(policy);
    EXPECT_GT(model.audit().backups(), 0u);
  }
}

TEST(OncePerStepTest, WithoutBackupsAStepWaits) {
  ModelJob job = Job(ADAPTIVE, 16, 40);
  job.scheduling.set_no_backups(true);
  LeaseModel model(job, {1, 1, 1, 1}, {});
  model.At(20.5, [&] { model.Pause(1, 1e6); });
  EXPECT_GT(SecondsToLastStep(&model), 1e6);
  EXPECT_EQ(model.audit().backups(), 0u);
}

// Training waits: that is audited with every run leased.
TEST(OncePerStepTest, EveryEpochIsValidatedThoughWorkersAreLost) {
  ModelJob job = Job(ADAPTIVE, 8, 40);
  job.validation_chunks = 20;
  ModelOptions options;
  options.chunk_seconds = 1;
  options.detection_seconds = 1;
  for (int seconds = 20; seconds < 32; ++seconds) {
    LeaseModel model(job, {1, 1, 1, 1}, options);
    model.At(seconds, [&] { model.Lose(2); });
    model.At(seconds + 5, [&] { model.Join(1); });
    model.Run();
  }
}

}  // namespace
}  // namespace hawser
