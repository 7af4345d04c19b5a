// The rules of leases one by one. Whole jobs: the tests beside this one.
#include "server/state/micro_batch_leases.h"

#include "gtest/gtest.h"
#include "server/state/model_desk_test_support.h"

namespace hawser {
namespace {

TEST(MicroBatchLeasesTest, AStrangerIsRefused) {
  ModelDesk desk(OncePerStep(), 2);
  EXPECT_EQ(desk.Begin(3), "node 3 is no worker of this job");
  EXPECT_EQ(desk.Begin(2), "2: run 0+1");
}

TEST(MicroBatchLeasesTest, AStepBeyondTheJobIsRefused) {
  for (const UpdateMode mode : {SYNCHRONOUS, ASYNCHRONOUS}) {
    ModelDesk desk(OnArrivalJob(mode), 1);
    EXPECT_EQ(desk.Begin(1, uint64_t{1} << 62),
              "step 4611686018427387904 of a job of 4 steps");
    EXPECT_EQ(desk.Begin(1, 4), "1: hash 4");
  }
}

TEST(MicroBatchLeasesTest, WhatIsNotDoneIsLeasedAgain) {
  ModelDesk desk(OnArrivalJob(ASYNCHRONOUS), 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+2");
  EXPECT_EQ(desk.Report(1, 1), "1: run 1+1");
  EXPECT_EQ(desk.Report(1, 0), "1: run 1+1");
  EXPECT_EQ(desk.Report(1, 1), "1: run 2+2");
}

TEST(MicroBatchLeasesTest, MoreThanTheLeaseCannotBeDone) {
  ModelDesk desk(OnArrivalJob(ASYNCHRONOUS), 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+2");
  EXPECT_EQ(desk.Begin(2), "2: run 2+2");
  EXPECT_EQ(desk.Report(1, 100), "1: run 4+2");
  EXPECT_EQ(desk.Begin(2), "2: run 2+2") << "nobody has done it";
}

TEST(MicroBatchLeasesTest, AWorkerThatAsksTwiceIsAnsweredOnce) {
  ModelDesk desk(OnArrivalJob(ASYNCHRONOUS), 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+2");
  const uint64_t first = desk.Number(1);
  EXPECT_EQ(desk.Report(1, first, 2, 1), "1: run 2+2");
  EXPECT_EQ(desk.Report(1, first, 2, 1), "the worker has another lease");
  EXPECT_EQ(desk.Report(1, first + 1000, 2, 1), "the worker has another lease")
      << "no lease of anybody";
  EXPECT_EQ(desk.Report(1, 2), "1: run 4+2");
  EXPECT_EQ(desk.Begin(2), "2: run 6+2") << "none has been forgotten";
}

TEST(MicroBatchLeasesTest, AWorkerThatWaitsMayAskAgain) {
  ModelDesk desk(OncePerStep(), 1);
  EXPECT_EQ(desk.Begin(1), "1: run 0+1");
  for (int i = 0; i < 3; ++i) desk.Report(1, 1);
  EXPECT_EQ(desk.Report(1, 1), "");
  EXPECT_EQ(desk.Report(1, 1), "");
  EXPECT_EQ(desk.StepCompleted(1), "1: run 4+1");
}

TEST(MicroBatchLeasesTest, AWorkerThatBeginsAgainHasNoLease) {
  ModelDesk desk(OnArrivalJob(ASYNCHRONOUS), 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+2");
  const uint64_t old = desk.Number(1);
  EXPECT_EQ(desk.Begin(2), "2: run 2+2");
  EXPECT_EQ(desk.Begin(1), "1: run 0+2");
  EXPECT_GT(desk.Number(1), old);
}

TEST(MicroBatchLeasesTest, OncePerStepAStepIsOverWhenBlockZeroSaysSo) {
  ModelDesk desk(OncePerStep(), 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+1");
  EXPECT_EQ(desk.Begin(2), "2: run 1+1");
  EXPECT_EQ(desk.Report(1, 1), "1: run 2+1");
  EXPECT_EQ(desk.Report(2, 1), "2: run 3+1");
  EXPECT_EQ(desk.Report(1, 1), "");
  EXPECT_EQ(desk.StepCompleted(1), "1: run 4+1");
  EXPECT_EQ(desk.Report(2, 1), "2: run 5+1");
  EXPECT_EQ(desk.StepCompleted(1), "") << "it has said so";
}

TEST(MicroBatchLeasesTest, ABackupIsOfTheLeaseThatTakesLongest) {
  ModelJob job = OncePerStep();
  job.micro_batches = 16;  // two leases a worker
  ModelDesk desk(job, 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+2");
  EXPECT_EQ(desk.Report(1, 2, 1), "1: run 2+2");
  for (uint64_t next = 4; next < 14; next += 2) desk.Report(1, 2, 1);
  EXPECT_EQ(desk.Begin(2), "2: run 14+2");
  EXPECT_EQ(desk.Report(1, 2, 1), "1: backup 15+1");
  EXPECT_EQ(desk.Report(1, 1, 1), "1: backup 14+1");
  EXPECT_EQ(desk.Report(1, 1, 1), "") << "there is one of everything";
}

TEST(MicroBatchLeasesTest, AnOverdueLeaseIsBackedUpWhenTimeIsUp) {
  for (const bool no_backups : {false, true}) {
    ModelJob job = OncePerStep();
    job.scheduling.set_no_backups(no_backups);
    ModelDesk desk(job, 2);
    desk.Begin(1);
    EXPECT_EQ(desk.Begin(2), "2: run 1+1");
    EXPECT_EQ(desk.Report(1, 1, 1), "1: run 2+1");
    EXPECT_EQ(desk.Report(1, 1, 1), "1: run 3+1");
    EXPECT_EQ(desk.Report(1, 1, 1), "");
    if (no_backups) {
      EXPECT_EQ(desk.SecondsToDeadline(),
                absl::ToDoubleSeconds(absl::InfiniteDuration()));
      desk.Wait(1000);
      EXPECT_EQ(desk.Tick(), "");
      continue;
    }
    EXPECT_NEAR(desk.SecondsToDeadline(), 1.25, 0.01);
    desk.Wait(1.2);
    EXPECT_EQ(desk.Tick(), "");
    desk.Wait(desk.SecondsToDeadline());
    EXPECT_EQ(desk.Tick(), "1: backup 1+1");
  }
}

TEST(MicroBatchLeasesTest, ABackupThatIsNotDoneIsGivenAgain) {
  ModelDesk desk(OncePerStep(), 3);
  EXPECT_EQ(desk.Begin(1), "1: run 0+1");
  EXPECT_EQ(desk.Begin(2), "2: run 1+1");
  EXPECT_EQ(desk.Report(2, 1, 1), "2: run 2+1");
  EXPECT_EQ(desk.Report(2, 1, 1), "2: run 3+1");
  desk.Wait(2);
  EXPECT_EQ(desk.Report(2, 1, 1), "2: backup 0+1");
  EXPECT_EQ(desk.Begin(3), "");
  EXPECT_EQ(desk.Report(2, 0), "3: backup 0+1");
}

// It has pushed to some blocks, perhaps, and not to others.
TEST(MicroBatchLeasesTest, OncePerStepAWorkerThatForgetsDoesItsLeaseAgain) {
  ModelDesk desk(OncePerStep(), 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+1");
  EXPECT_EQ(desk.Begin(2), "2: run 1+1");
  EXPECT_EQ(desk.Begin(1), "1: run 0+1");
  EXPECT_EQ(desk.StepCompleted(1), "") << "of block 0";
  EXPECT_EQ(desk.Begin(1), "1: run 0+1") << "others are at step 0";
  EXPECT_EQ(desk.Report(1, 1), "1: run 4+1");
  EXPECT_EQ(desk.Begin(1, 1), "1: run 4+1");
  EXPECT_EQ(desk.Begin(2, 1), "2: run 5+1") << "step 0 is over everywhere";
}

TEST(MicroBatchLeasesTest, ABackupWhoseWorkerPausesIsBackedUp) {
  ModelDesk desk(OncePerStep(), 3);
  for (uint64_t node = 1; node <= 3; ++node) desk.Begin(node);
  EXPECT_EQ(desk.Report(2, 1, 1), "2: run 3+1");
  desk.Wait(2);
  EXPECT_EQ(desk.Report(2, 1, 1), "2: backup 0+1");
  EXPECT_EQ(desk.Report(3, 1, 1), "");
  desk.Wait(desk.SecondsToDeadline());
  EXPECT_EQ(desk.Tick(), "3: backup 0+1") << "workers 1 and 2 pause";
}

// Each of them would be done sooner if the others shared it, which none can.
TEST(MicroBatchLeasesTest, AdaptiveWorkersThatAllWaitDoNotWaitForEachOther) {
  ModelJob job = OncePerStep();
  job.micro_batches = 1;
  job.scheduling = Dynamic(ADAPTIVE);
  ModelDesk desk(job, 4);
  EXPECT_EQ(desk.Begin(1), "1: run 0+1");
  for (uint64_t node = 2; node <= 4; ++node) EXPECT_EQ(desk.Begin(node), "");
  desk.Wait(1);
  EXPECT_EQ(desk.Report(1, 1, 1), "");
  EXPECT_EQ(desk.StepCompleted(1), "1: run 1+1");
}

TEST(MicroBatchLeasesTest, AdaptiveASlowWorkerLeavesTheRestToOthers) {
  ModelJob job = OncePerStep();
  job.scheduling = Dynamic(ADAPTIVE);
  ModelDesk desk(job, 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+1");
  EXPECT_EQ(desk.Begin(2), "2: run 1+1");
  desk.Wait(1);
  EXPECT_EQ(desk.Report(1, 1, 1), "1: run 2+1");
  desk.Wait(0.5);
  EXPECT_EQ(desk.Report(2, 1, 1.4), "2: run 3+1") << "worker 1 needs 1.5";
  desk.Wait(1.4);
  desk.Report(1, 1, 1);
  desk.Report(2, 1, 10);
  EXPECT_EQ(desk.StepCompleted(1), "1: run 4+2") << "worker 1 does all of it";
  desk.Wait(2);
  EXPECT_EQ(desk.Report(1, 2, 1), "1: run 6+1");
  desk.Wait(1);
  EXPECT_EQ(desk.Report(1, 1, 1), "1: run 7+1");
  EXPECT_NEAR(desk.SecondsToDeadline(), 10, 0.01);
  desk.Wait(desk.SecondsToDeadline());
  EXPECT_EQ(desk.Tick(), "2: backup 7+1");
}

TEST(MicroBatchLeasesTest, AdaptiveWhatIsLeftToAWorkerThatPausesIsTakenBack) {
  ModelJob job = OncePerStep();
  job.scheduling = Dynamic(ADAPTIVE);
  job.scheduling.set_no_backups(true);
  ModelDesk desk(job, 2);
  desk.Begin(1);
  desk.Begin(2);
  desk.Wait(0.1);
  EXPECT_EQ(desk.Report(1, 1, 0.1), "1: run 2+1");
  desk.Wait(0.05);
  EXPECT_EQ(desk.Report(2, 1, 0.5), "") << "worker 1 needs 0.15";
  EXPECT_NEAR(desk.SecondsToDeadline(), 0.45, 0.01);
  desk.Wait(desk.SecondsToDeadline());
  EXPECT_EQ(desk.Tick(), "2: run 3+1") << "worker 1 pauses";
}

TEST(MicroBatchLeasesTest, TheEndIsValidatedHashedOnceAndToldToAll) {
  ModelJob job = OncePerStep();
  job.optimizer_steps = 1;
  job.validation_chunks = 2;
  ModelDesk desk(job, 2);
  desk.Begin(1);
  desk.Begin(2);
  EXPECT_EQ(desk.StepCompleted(1), "") << "both are at work";
  EXPECT_EQ(desk.Report(1, 1), "1: validate 1 0-1");
  EXPECT_EQ(desk.Report(2, 1), "2: validate 1 1-2");
  EXPECT_EQ(desk.Report(1, 1), "") << "worker 2 validates";
  EXPECT_EQ(desk.Report(2, 1), "1: hash 1");
  EXPECT_EQ(desk.Begin(1, 1), "2: hash 1") << "the first has been lost";
  EXPECT_EQ(desk.Report(2, 1), "1: over at 1, 2: over at 1");
}

TEST(MicroBatchLeasesTest, ANewIncarnationIsToldTheHashAgain) {
  ModelDesk desk(OncePerStep(), 1);
  EXPECT_EQ(desk.Begin(1, 4), "1: hash 4");
  EXPECT_EQ(desk.Report(1, 1), "1: over at 4");
  desk.Adopt(1);
  EXPECT_EQ(desk.Begin(1, 4), "1: hash 4");
  EXPECT_EQ(desk.Report(1, 1), "1: over at 4");
}

TEST(MicroBatchLeasesTest, AnIdleWorkerIsToldWhichClockOthersWaitFor) {
  ModelJob job = OnArrivalJob(BOUNDED_STALENESS, 0);
  job.optimizer_steps = 1;
  ModelDesk desk(job, 3);
  EXPECT_EQ(desk.Begin(1), "1: run 0+1");
  EXPECT_EQ(desk.Report(1, 1), "1: run 1+1");
  EXPECT_EQ(desk.Last(1).run().clock(), 1u);
  EXPECT_EQ(desk.Begin(2), "2: run 2+1");
  EXPECT_EQ(desk.Report(2, 1), "2: run 3+1");
  EXPECT_EQ(desk.Begin(3), "3: advance to 1");
}

TEST(MicroBatchLeasesTest, WithABoundLeasesAreLongEnoughForTheSlowest) {
  for (const UpdateMode mode : {ASYNCHRONOUS, BOUNDED_STALENESS}) {
    ModelJob job = OnArrivalJob(mode, 4);
    job.micro_batches = 8;
    job.steps_per_epoch = 4;
    job.scheduling = Dynamic(ADAPTIVE);
    ModelDesk desk(job, 4);
    for (uint64_t node = 1; node <= 4; ++node) desk.Begin(node);
    for (uint64_t node = 1; node <= 3; ++node) desk.Report(node, 2, 1);
    EXPECT_EQ(desk.Report(4, 2, 5), "4: run 14+1");
    EXPECT_EQ(desk.Report(1, 2, 1),
              mode == ASYNCHRONOUS ? "1: run 15+3" : "1: run 15+5");
  }
}

TEST(MicroBatchLeasesTest, AClockThatWasLeasedMayNeverHaveBeenReached) {
  ModelJob job = OnArrivalJob(BOUNDED_STALENESS, 0);
  job.optimizer_steps = 1;
  ModelDesk desk(job, 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+2");
  EXPECT_EQ(desk.Begin(2), "2: run 2+2");
  EXPECT_EQ(desk.Report(1, 2), "") << "all is leased";
  EXPECT_EQ(desk.Begin(2), "1: run 2+2, 2: advance to 1")
      << "it has not pushed at clock 0";
}

TEST(MicroBatchLeasesTest, AWorkerThatValidatesHoldsNobodyUp) {
  ModelJob job = OnArrivalJob(BOUNDED_STALENESS, 0);
  job.steps_per_epoch = 1;
  job.validation_chunks = 8;
  ModelDesk desk(job, 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+2");
  EXPECT_EQ(desk.Begin(2), "2: run 2+2");
  EXPECT_EQ(desk.Report(2, 2), "2: run 4+2");
  EXPECT_EQ(desk.Report(2, 2), "2: run 6+2");
  EXPECT_EQ(desk.Last(2).run().clock(), 2u);
  EXPECT_EQ(desk.Report(1, 2), "1: validate 1 0-2");
  EXPECT_EQ(desk.Last(1).validation().clock(), 2u);
}

TEST(MicroBatchLeasesTest, WhenNobodyReadsNoClockIsAdvanced) {
  ModelJob job = OnArrivalJob(BOUNDED_STALENESS, 0);
  job.optimizer_steps = 1;
  job.validation_chunks = 1;
  ModelDesk desk(job, 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+2");
  EXPECT_EQ(desk.Report(1, 2), "1: run 2+2");
  EXPECT_EQ(desk.Report(1, 2), "1: validate 1 0-1");
  EXPECT_EQ(desk.Begin(2), "");
}

}  // namespace
}  // namespace hawser
