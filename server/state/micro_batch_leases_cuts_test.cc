// Leases on arrival where checkpoints are made: nobody begins what is beyond a
// checkpoint's step before all that is before it is done.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/state/lease_model_test_support.h"
#include "server/state/model_desk_test_support.h"

namespace hawser {
namespace {

ModelJob EveryStep(const SchedulingSpec& scheduling) {
  ModelJob job = OnArrivalJob(ASYNCHRONOUS);
  job.scheduling = scheduling;
  job.checkpoint.set_every_steps(1);
  return job;
}

TEST(LeaseCutsTest, WhoIsFastWaitsAtACheckpointForTheSlowest) {
  ModelJob job = OnArrivalJob(ASYNCHRONOUS);
  job.micro_batches = 5;
  job.checkpoint.set_every_steps(3);
  ModelDesk desk(job, 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+2");
  EXPECT_EQ(desk.Begin(2), "2: run 2+2");
  EXPECT_EQ(desk.Report(1, 2), "1: run 4+2");
  for (int i = 0; i < 3; ++i) desk.Report(1, 2);
  EXPECT_EQ(desk.Report(1, 2), "1: run 12+2");
  EXPECT_EQ(desk.Report(1, 2), "1: run 14+1") << "up to the checkpoint";
  EXPECT_EQ(desk.Report(1, 1), "");
  EXPECT_EQ(desk.Report(2, 2), "2: run 15+2, 1: run 17+2");
}

TEST(LeaseCutsTest, WhatIsLeftOfARunIsDoneWhileOthersWait) {
  ModelDesk desk(EveryStep(Dynamic(ROUND_ROBIN)), 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+2");
  EXPECT_EQ(desk.Begin(2), "2: run 2+2");
  EXPECT_EQ(desk.Report(1, 2), "");
  // It was lost, or has given a part back.
  EXPECT_EQ(desk.Begin(2), "1: run 2+2");
  EXPECT_EQ(desk.Report(1, 1), "2: run 3+1");
  EXPECT_EQ(desk.Report(2, 1), "1: run 4+2, 2: run 6+2");
}

TEST(LeaseCutsTest, AWorkerWithItsOwnMicroBatchesWaitsForThoseOfOthers) {
  ModelDesk desk(EveryStep(Static()), 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+2");
  EXPECT_EQ(desk.Report(1, 2), "");
  EXPECT_EQ(desk.Begin(2), "2: run 2+2");
  EXPECT_EQ(desk.Report(2, 2), "1: run 4+2, 2: run 6+2");
  EXPECT_EQ(desk.Report(2, 2), "");
  // Alone, it has all of them.
  desk.Adopt(1);
  EXPECT_EQ(desk.Begin(1, 1), "1: run 4+2");
  EXPECT_EQ(desk.Report(1, 2), "1: run 8+4");
}

TEST(LeaseCutsTest, WhoWaitsAtACheckpointIsToldWhichClockOthersWaitFor) {
  ModelJob job = EveryStep(Dynamic(ROUND_ROBIN));
  job.phases = {PhaseFrom(0, BOUNDED_STALENESS, 0)};
  job.micro_batches = 6;
  ModelDesk desk(job, 3);
  EXPECT_EQ(desk.Begin(1), "1: run 0+2");
  EXPECT_EQ(desk.Begin(2), "2: run 2+2");
  EXPECT_EQ(desk.Report(2, 2), "2: run 4+2");
  EXPECT_EQ(desk.Begin(3), "3: advance to 1");
  EXPECT_EQ(desk.Report(1, 2), "") << "its clock is 1 already";
  EXPECT_EQ(desk.Report(2, 2), "3: run 6+2, 1: run 8+2, 2: run 10+2");
}

TEST(LeaseCutsTest, LeasesThatMoveKnowWhatWasNeverLeased) {
  ModelJob job = OnArrivalJob(ASYNCHRONOUS);
  job.optimizer_steps = 20;
  job.steps_per_epoch = 20;
  const Plan plan = PlanOf(job, {1, 2});
  MicroBatchLeases leases(plan, 0);
  const auto request = [&](uint64_t lease) {
    LeaseRequest request;
    request.set_first(lease == 0);
    request.set_lease(lease);
    request.set_done(2);
    MicroBatchLeases::Grants grants;
    EXPECT_TRUE(leases.Request(1, request, absl::UnixEpoch(), &grants).ok());
    return grants.front().lease;
  };
  Lease lease = request(0);
  while (lease.run().position() != 8) lease = request(lease.number());
  leases.Adopt(plan);
  MicroBatchLeases moved(plan, 0);
  ASSERT_TRUE(moved.Restore(leases.Export()).ok());
  EXPECT_FALSE(moved.OrderCheckpoint(2)) << "of which 8 and 9 may be counted";
  EXPECT_TRUE(moved.OrderCheckpoint(3));
}

// What the checks of the model and its audit are for, with more of it than
// random jobs have: blocks that are behind, and workers that are lost.
TEST(LeaseCutsTest, CheckpointsHoldAllBeforeThemAndNothingElse) {
  for (const Phase& phase :
       {PhaseFrom(0, ASYNCHRONOUS), PhaseFrom(0, BOUNDED_STALENESS, 0),
        PhaseFrom(0, BOUNDED_STALENESS, 4),
        PhaseFrom(0, BOUNDED_STALENESS, 0, /*window_seconds=*/1.5),
        PhaseFrom(0, ASYNCHRONOUS, 0, 0, /*local_steps=*/2)}) {
    for (const SchedulingSpec& scheduling :
         {Static(), Dynamic(LEAST_LOAD), Dynamic(ADAPTIVE)}) {
      ModelJob job;
      job.micro_batches = 12;
      job.optimizer_steps = 60;
      job.steps_per_epoch = 20;
      job.phases = {phase};
      job.scheduling = scheduling;
      job.checkpoint.set_every_steps(4);
      job.blocks = 4;
      job.validation_chunks = 3;
      ModelOptions options;
      options.message_seconds = 0.2;
      options.detection_seconds = 2;
      options.loss_probability = 0.01;
      options.forgets_probability = 0.01;
      options.move_probability = 0.5;
      SCOPED_TRACE(phase.ShortDebugString() + scheduling.ShortDebugString());
      LeaseModel model(job, {1, 1, 3, 0.2, 1}, options);
      for (int i = 1; i < 10; ++i) {
        model.At(20 * i, [&] { model.Join(1); });
        model.At(20 * i + 7, [&] { model.OrderCheckpoint(model.Steps() + 2); });
      }
      model.Run();
    }
  }
}

// Whoever is done waits for the last lease before a checkpoint. As a share of
// the throughput without any, whoever is how fast.
TEST(LeaseCutsTest, ACheckpointCostsAPartOfAStep) {
  const auto throughput = [](ModelJob job, const std::vector<double>& speeds,
                             uint64_t every_steps) {
    job.optimizer_steps = 200;
    job.steps_per_epoch = 20;
    job.checkpoint.set_every_steps(every_steps);
    LeaseModel model(job, speeds, {});
    model.Run();
    return model.Throughput();
  };
  for (const std::vector<double>& speeds :
       {std::vector<double>{1, 1, 1, 0.2}, {1, 1.3, 0.8, 0.9}}) {
    for (const uint32_t micro_batches : {8, 32}) {
      for (const Phase& phase :
           {PhaseFrom(0, ASYNCHRONOUS), PhaseFrom(0, BOUNDED_STALENESS, 4)}) {
        for (const SchedulingSpec& scheduling :
             {Static(), Dynamic(ROUND_ROBIN), Dynamic(ADAPTIVE)}) {
          SCOPED_TRACE(phase.ShortDebugString() +
                       scheduling.ShortDebugString() + ", " +
                       std::to_string(micro_batches));
          ModelJob job;
          job.micro_batches = micro_batches;
          job.phases = {phase};
          job.scheduling = scheduling;
          const double without = throughput(job, speeds, 0);
          EXPECT_GT(throughput(job, speeds, 20), 0.96 * without);
          EXPECT_GT(throughput(job, speeds, 100), 0.99 * without);
        }
      }
    }
  }
}

}  // namespace
}  // namespace hawser
