// What the leases of a job are across phases, incarnations and epochs, one by
// one.
#include "gtest/gtest.h"
#include "server/state/micro_batch_leases.h"
#include "server/state/model_desk_test_support.h"

namespace hawser {
namespace {

// A worker that was slow has a backup lease, or one that was backed up.
TEST(LeasesAcrossPhasesTest, AStragglerIsToldThatItsPhaseIsOver) {
  ModelJob job = OncePerStep();
  job.phases.push_back(PhaseFrom(1, ASYNCHRONOUS));
  ModelDesk desk(job, 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+1");
  EXPECT_EQ(desk.Begin(2), "2: run 1+1");
  EXPECT_EQ(desk.StepCompleted(1), "") << "backups made it";
  EXPECT_EQ(desk.Report(1, 1), "1: over at 1");
  EXPECT_EQ(desk.Begin(1, 1), "1: run 4+2");
  EXPECT_EQ(desk.Report(2, 1), "2: over at 1");
  EXPECT_EQ(desk.Begin(2, 1), "2: run 6+2");
}

// Worker 1 names the next phase meanwhile: that must not drop what is missing.
TEST(LeasesAcrossPhasesTest, AWorkerThatForgetsDoesALeaseOfItsPhaseAgain) {
  ModelJob job = OncePerStep();
  job.phases.push_back(PhaseFrom(1, SYNCHRONOUS));
  ModelDesk desk(job, 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+1");
  EXPECT_EQ(desk.Begin(2), "2: run 1+1");
  EXPECT_EQ(desk.StepCompleted(1), "") << "of block 0";
  EXPECT_EQ(desk.Report(1, 1), "1: over at 1");
  EXPECT_EQ(desk.Begin(2, 0), "2: run 1+1") << "others are at step 0";
  EXPECT_EQ(desk.Begin(1, 1), "1: run 4+1");
  EXPECT_EQ(desk.Begin(2, 0), "2: run 1+1");
  EXPECT_EQ(desk.Begin(1, 0), "1: over at 1") << "and that of step 1 is kept";
  EXPECT_EQ(desk.Begin(1, 1), "1: run 4+1");
  EXPECT_EQ(desk.Report(2, 1), "2: over at 1");
}

TEST(LeasesAcrossPhasesTest, WhoWaitsInAPhaseThatOthersHaveEndedIsTold) {
  ModelJob job = OnArrivalJob(ASYNCHRONOUS);
  job.phases.push_back(PhaseFrom(1, ASYNCHRONOUS));
  ModelDesk desk(job, 3);
  for (uint64_t p = 0; p < 4; ++p) {
    desk.Begin(1 + p % 2);
    if (p < 2) desk.Report(1 + p % 2, 1);
  }
  EXPECT_EQ(desk.Begin(3), "") << "all is leased";
  // Worker 1 has pushed all of it, starts over and sees that it counts.
  EXPECT_EQ(desk.Begin(1, 1), "3: over at 1, 1: run 4+1");
}

// Nothing of a phase before must be leased again, or counted as of this one.
TEST(LeasesAcrossPhasesTest, LeasesOfAPhaseThatIsOverAreForgotten) {
  ModelJob job = OnArrivalJob(ASYNCHRONOUS);
  job.phases.push_back(PhaseFrom(1, SYNCHRONOUS));
  ModelDesk desk(job, 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+2");
  EXPECT_EQ(desk.Begin(2), "2: run 2+2");
  EXPECT_EQ(desk.Begin(1, 1), "1: run 4+1") << "all servers say: step 1";
  EXPECT_EQ(desk.Report(2, 1), "2: over at 1");
  EXPECT_EQ(desk.Begin(2, 1), "2: run 5+1");
  EXPECT_EQ(desk.Report(1, 1), "1: run 6+1");
  EXPECT_EQ(desk.Report(1, 1), "1: run 7+1");
}

TEST(LeasesAcrossIncarnationsTest, AJobIsTakenOverInItsMiddle) {
  ModelJob job = OncePerStep();
  job.validation_chunks = 1;
  ModelDesk desk(job, 2);
  desk.Adopt(2);
  EXPECT_EQ(desk.Begin(1, 2), "1: validate 2 0-1");
  EXPECT_EQ(desk.Report(1, 1), "1: run 8+1") << "step 2";
}

TEST(LeasesAcrossIncarnationsTest, AJobOnArrivalIsTakenOverInItsMiddle) {
  ModelJob job = OnArrivalJob(ASYNCHRONOUS);
  job.validation_chunks = 1;
  ModelDesk desk(job, 2);
  desk.Adopt(2);
  EXPECT_EQ(desk.Begin(1, 3), "1: run 12+2") << "step 3; epoch 1 is validated";
  EXPECT_EQ(desk.Begin(2, 3), "2: run 14+2");
  EXPECT_EQ(desk.Report(1, 2), "");
  EXPECT_EQ(desk.Report(2, 2), "1: validate 4 0-1");
}

// A worker was lost when it had pushed to block 0 and not to others.
TEST(LeasesAcrossIncarnationsTest, AStepIsMadeAgainForBlocksThatLackIt) {
  ModelJob job = OncePerStep();
  job.micro_batches = 2;
  job.steps_per_epoch = 1;
  job.validation_chunks = 2;
  ModelDesk desk(job, 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+1");
  EXPECT_EQ(desk.Begin(2), "2: run 1+1");
  EXPECT_EQ(desk.Report(1, 1), "");
  EXPECT_EQ(desk.StepCompleted(1), "1: validate 1 0-1");
  desk.Adopt(1);
  EXPECT_EQ(desk.Begin(1, 0), "1: run 0+1") << "the other blocks are at step 0";
  EXPECT_EQ(desk.Report(1, 1), "1: run 1+1");
  EXPECT_EQ(desk.Report(1, 1), "1: validate 1 0-1") << "all have been pushed";
  EXPECT_EQ(desk.Report(1, 1), "1: validate 1 1-2");
  EXPECT_EQ(desk.Report(1, 1), "1: run 2+1");
}

// What the lost worker had pushed to block 0, others may lack.
TEST(LeasesAcrossIncarnationsTest, AStepIsOverWhenAllOfItIsMadeAgain) {
  ModelDesk desk(OncePerStep(), 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+1");
  EXPECT_EQ(desk.Begin(2), "2: run 1+1");
  desk.Adopt(1);
  EXPECT_EQ(desk.Begin(1, 0), "1: run 0+1");
  EXPECT_EQ(desk.Report(1, 1), "1: run 1+1");
  EXPECT_EQ(desk.StepCompleted(1), "") << "block 0 had counted 2 and 3 before";
  EXPECT_EQ(desk.Report(1, 1), "1: run 2+1");
  EXPECT_EQ(desk.Report(1, 1), "1: run 3+1");
  EXPECT_EQ(desk.Report(1, 1), "1: run 4+1");
  EXPECT_EQ(desk.StepCompleted(2), "");
  EXPECT_EQ(desk.Report(1, 1), "1: run 8+1");
}

// Block 0 had been ahead, so that its server had nothing to say.
TEST(LeasesAcrossIncarnationsTest, AWorkerThatBeginsMayKnowThatAStepIsOver) {
  ModelDesk desk(OncePerStep(), 1);
  desk.Begin(1);
  desk.StepCompleted(1);
  desk.Adopt(1);
  EXPECT_EQ(desk.Begin(1, 0), "1: run 0+1");
  for (uint32_t p = 1; p < 4; ++p) desk.Report(1, 1);
  EXPECT_EQ(desk.Begin(1, 1), "1: run 4+1") << "it had pushed the last one";
}

TEST(LeasesAcrossIncarnationsTest, ThePhaseBeforeIsMadeAgainForThem) {
  ModelJob job = OncePerStep();
  job.micro_batches = 1;
  job.phases.push_back(PhaseFrom(1, ASYNCHRONOUS));
  ModelDesk desk(job, 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+1");
  EXPECT_EQ(desk.Begin(2), "");
  EXPECT_EQ(desk.StepCompleted(1), "2: over at 1") << "of block 0";
  EXPECT_EQ(desk.Begin(2, 1), "2: run 1+1");
  desk.Adopt(1);
  EXPECT_EQ(desk.Begin(1, 0), "1: run 0+1") << "the other blocks are at step 0";
  EXPECT_EQ(desk.Report(1, 1), "1: over at 1");
  EXPECT_EQ(desk.Begin(1, 1), "1: run 1+1");
}

// Epochs end at other steps now.
TEST(LeasesAcrossIncarnationsTest, APhaseIsReplacedBeforeItsFirstPush) {
  ModelJob job = OnArrivalJob(ASYNCHRONOUS);
  job.micro_batches = 5;
  job.scheduling = Dynamic(ADAPTIVE);
  job.optimizer_steps = 12;
  job.steps_per_epoch = 3;
  job.phases = {PhaseFrom(0, ASYNCHRONOUS, 0, 0, /*local_steps=*/3),
                PhaseFrom(1, ASYNCHRONOUS, 0, 0, /*local_steps=*/1)};
  ModelDesk desk(job, 1);
  EXPECT_EQ(desk.Begin(1), "1: run 0+5");
  EXPECT_EQ(desk.Report(1, 5), "1: over at 1");
  EXPECT_EQ(desk.Begin(1, 1), "1: run 5+5");
  desk.TakeBackPhase();
  desk.AddPhase(PhaseFrom(1, ASYNCHRONOUS, 0, 0, /*local_steps=*/3));
  desk.Adopt(2);
  EXPECT_EQ(desk.Begin(1, 1), "1: run 5+3");
  EXPECT_EQ(desk.Begin(2, 1), "2: run 8+2") << "to the end of an epoch";
  EXPECT_EQ(desk.Report(1, 3), "1: run 10+3");
  EXPECT_EQ(desk.Report(1, 3), "1: run 13+2") << "to the end of the next";
}

// A lost worker may have pushed [0, 1) to some blocks and [0, 2) to none.
TEST(LeasesAcrossIncarnationsTest, AWindowMayHaveCutALostLeaseAnywhere) {
  ModelJob job = OnArrivalJob(BOUNDED_STALENESS);
  job.phases = {PhaseFrom(0, BOUNDED_STALENESS, 0, /*window_seconds=*/10)};
  ModelDesk desk(job, 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+2");
  EXPECT_EQ(desk.Report(1, 1), "1: run 1+1") << "it says where it was cut";
  EXPECT_EQ(desk.Begin(2), "2: run 2+2");
  desk.Adopt(1);
  EXPECT_EQ(desk.Begin(1), "1: run 1+1");
  EXPECT_EQ(desk.Report(1, 1), "1: run 2+1");
  EXPECT_EQ(desk.Report(1, 1), "1: run 3+1");
  EXPECT_EQ(desk.Report(1, 1), "1: run 4+4");
}

TEST(LeasesAcrossEpochsTest, OnArrivalEachEpochIsValidatedHoweverLate) {
  ModelJob job = OnArrivalJob(ASYNCHRONOUS);
  job.optimizer_steps = 3;
  job.steps_per_epoch = 1;
  job.validation_chunks = 1;
  ModelDesk desk(job, 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+2");
  EXPECT_EQ(desk.Report(1, 2), "1: run 2+2");
  EXPECT_EQ(desk.Report(1, 2), "1: validate 1 0-1");
  EXPECT_EQ(desk.Begin(2), "2: run 4+2");
  for (uint64_t p = 6; p < 12; p += 2) desk.Report(2, 2);
  EXPECT_EQ(desk.Report(2, 2), "") << "worker 1 validates epoch 1";
  EXPECT_EQ(desk.Report(1, 1), "1: validate 2 0-1");
  EXPECT_EQ(desk.Report(1, 1), "2: validate 3 0-1");
  EXPECT_EQ(desk.Report(2, 1), "1: hash 3");
}

// All servers have counted what the lost worker did not report.
TEST(LeasesAcrossEpochsTest, ALateValidationIsNotLostWithItsPhase) {
  ModelJob job = OnArrivalJob(ASYNCHRONOUS);
  job.steps_per_epoch = 1;
  job.validation_chunks = 2;
  job.phases.push_back(PhaseFrom(2, SYNCHRONOUS));
  ModelDesk desk(job, 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+2");
  EXPECT_EQ(desk.Report(1, 2), "1: run 2+2");
  EXPECT_EQ(desk.Report(1, 2), "1: validate 1 0-1");
  EXPECT_EQ(desk.Begin(2), "2: validate 1 1-2");
  EXPECT_EQ(desk.Report(2, 1), "2: run 4+2");
  EXPECT_EQ(desk.Report(2, 2), "2: run 6+2");
  desk.Adopt(1);
  EXPECT_EQ(desk.Begin(1, 2), "1: validate 1 0-1");
  EXPECT_EQ(desk.Report(1, 1), "1: validate 1 1-2");
  EXPECT_EQ(desk.Report(1, 1), "1: validate 2 0-1");
  EXPECT_EQ(desk.Report(1, 1), "1: validate 2 1-2");
  EXPECT_EQ(desk.Report(1, 1), "1: run 8+1");
}

TEST(LeasesAcrossEpochsTest, NorIsItWhereNothingElseIsLeased) {
  ModelJob job = OnArrivalJob(ASYNCHRONOUS);
  job.scheduling = Static();
  job.steps_per_epoch = 1;
  job.validation_chunks = 2;
  ModelDesk desk(job, 2);
  EXPECT_EQ(desk.Begin(1), "1: run 0+2");
  EXPECT_EQ(desk.Begin(2), "2: run 2+2");
  EXPECT_EQ(desk.Report(1, 2), "1: run 4+2");
  EXPECT_EQ(desk.Report(2, 2), "2: validate 1 0-1");
  desk.AddPhase(PhaseFrom(2, SYNCHRONOUS));
  desk.Adopt(2);
  EXPECT_EQ(desk.Begin(1, 2), "1: validate 1 0-1");
  EXPECT_EQ(desk.Begin(2, 2), "2: validate 1 1-2");
  EXPECT_EQ(desk.Report(1, 1), "") << "nobody begins before";
  EXPECT_EQ(desk.Report(2, 1), "1: over at 2, 2: over at 2");
}

// The workers had not validated it all when they were stopped.
TEST(LeasesAcrossEpochsTest, AnotherPlanMayHaveValidationLeased) {
  ModelJob job = OnArrivalJob(ASYNCHRONOUS);
  job.scheduling = Static();
  job.steps_per_epoch = 1;
  job.validation_chunks = 2;
  job.phases.push_back(PhaseFrom(1, SYNCHRONOUS));
  ModelDesk desk(job, 1);
  EXPECT_EQ(desk.Begin(1), "1: run 0+4");
  EXPECT_EQ(desk.Report(1, 4), "1: over at 1");
  EXPECT_EQ(desk.Begin(1, 1), "1: over at 1") << "its own chunks";
  desk.TakeBackPhase();
  desk.AddPhase(PhaseFrom(1, ASYNCHRONOUS));
  desk.Adopt(1);
  EXPECT_EQ(desk.Begin(1, 1), "1: validate 1 0-1");
}

// It is of the phase after the one that is to be made again.
TEST(LeasesAcrossEpochsTest, WhatIsNotYetDueIsNotWaitedFor) {
  ModelJob job = OnArrivalJob(ASYNCHRONOUS);
  job.scheduling = Static();
  job.steps_per_epoch = 1;
  job.validation_chunks = 2;
  job.phases = {PhaseFrom(0, SYNCHRONOUS), PhaseFrom(1, ASYNCHRONOUS)};
  ModelDesk desk(job, 2);
  EXPECT_EQ(desk.Begin(1), "1: over at 0");
  EXPECT_EQ(desk.Begin(1, 1), "1: validate 1 0-1") << "when it has begun";
  desk.Adopt(2);
  EXPECT_EQ(desk.Begin(1), "1: over at 0");
  EXPECT_EQ(desk.Begin(2), "2: over at 0");
}

TEST(LeasesAcrossEpochsTest, WhereNothingIsLeasedWorkersValidateThemselves) {
  ModelJob job = OnArrivalJob(ASYNCHRONOUS);
  job.scheduling = Static();
  job.steps_per_epoch = 1;
  job.validation_chunks = 1;
  job.phases.push_back(PhaseFrom(1, SYNCHRONOUS));
  job.phases.push_back(PhaseFrom(3, ASYNCHRONOUS));
  ModelDesk desk(job, 1);
  EXPECT_EQ(desk.Begin(1), "1: run 0+4");
  EXPECT_EQ(desk.Report(1, 4), "1: over at 1");
  EXPECT_EQ(desk.StepCompleted(2), "");
  EXPECT_EQ(desk.Begin(1, 3), "1: validate 3 0-1");
  EXPECT_EQ(desk.Report(1, 1), "1: run 12+4");
}

}  // namespace
}  // namespace hawser
