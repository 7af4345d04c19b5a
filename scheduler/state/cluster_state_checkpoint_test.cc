// Checkpoints of a job: what fails ends nothing, and what is kept.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "scheduler/state/cluster_state_test_support.h"

namespace hawser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ClusterStateCheckpointTest : public ClusterStateTest {
 protected:
  // A running job of one worker and one server, 8 steps.
  void Run(const JobSpec& spec) {
    server_ = Join(SERVER);
    worker_ = Join(WORKER);
    ASSERT_TRUE(Submit(spec).ok());
    StartJob(spec.name());
  }
  // All that its end needs but the last checkpoint.
  void FinishAllBut(const std::string& job) {
    EXPECT_TRUE(DoSteps(job, 0, 8).ok());
    for (const uint64_t step : {4, 8}) {
      EXPECT_TRUE(Validate(worker_, job, step, 0, 2).ok());
    }
    EXPECT_TRUE(Hash(worker_, job, 8).ok());
    EXPECT_EQ(Get(job).state(), FINISHING);
  }
  void FailCheckpoint(const std::string& job, uint64_t step) {
    ReportRequest report = From(server_, job);
    report.mutable_checkpoint_failed()->set_step(step);
    report.mutable_checkpoint_failed()->set_message("no space left");
    EXPECT_TRUE(Report(report).ok());
  }
  // With the epoch before it recorded, without which none is committed.
  void WriteCheckpoint(const std::string& job, uint64_t step) {
    if (step > 4 && Describe(job).epoch() == 0) {
      EXPECT_TRUE(DoSteps(job, 0, 4).ok());
      EXPECT_TRUE(Validate(worker_, job, 4, 0, 2).ok());
    }
    ReportRequest report = From(server_, job);
    CheckpointWritten* written = report.mutable_checkpoint_written();
    written->set_step(step);
    written->set_directory(absl::StrCat("/out/", job, "/step-", step));
    written->set_bytes(100);
    EXPECT_TRUE(Report(report).ok());
  }
  std::vector<uint64_t> Kept(const std::string& job) {
    std::vector<uint64_t> steps;
    for (const auto& [step, checkpoint] : Get(job).checkpoints().all()) {
      steps.push_back(step);
    }
    return steps;
  }
  std::vector<std::string> WhyKept(const std::string& job) {
    JobStatus status;
    state_.DescribeCheckpoints(Get(job), &status);
    std::vector<std::string> reasons;
    for (const auto& checkpoint : status.checkpoints()) {
      reasons.push_back(
          absl::StrCat(checkpoint.step(), ": ", checkpoint.kept()));
    }
    return reasons;
  }
  static JobSpec Keeping(uint32_t last, uint64_t every_steps = 0) {
    JobSpec spec = Spec("a", 1, 1);
    spec.mutable_checkpoint()->set_keep_last(last);
    spec.mutable_checkpoint()->set_keep_every_steps(every_steps);
    return spec;
  }

  uint64_t server_ = 0;
  uint64_t worker_ = 0;
};

TEST_F(ClusterStateCheckpointTest, AJobGoesOnWithoutACheckpoint) {
  Run(Spec("a", 1, 1));
  FailCheckpoint("a", 2);
  EXPECT_EQ(Get("a").state(), RUNNING);
  JobStatus status = Describe("a");
  EXPECT_EQ(status.checkpoints_failed(), 1u);
  EXPECT_THAT(status.checkpoint_problem(), HasSubstr("step 2: no space left"));
  EXPECT_EQ(status.reason(), "");
  WriteCheckpoint("a", 4);
  status = Describe("a");
  EXPECT_EQ(status.checkpoint_step(), 4u);
  EXPECT_EQ(status.checkpoints_failed(), 1u);
  EXPECT_EQ(status.checkpoint_problem(), "");
}

TEST_F(ClusterStateCheckpointTest, WithItsLastOneAJobWaits) {
  Run(Spec("a", 1, 1));
  FinishAllBut("a");
  for (int tries = 0; tries < 3; ++tries) {
    FailCheckpoint("a", 8);
    EXPECT_EQ(Get("a").state(), FINISHING);
    EXPECT_THAT(ReasonOf("a"), HasSubstr("the last checkpoint, of step 8: no "
                                         "space left; it is tried again"));
  }
  WriteCheckpoint("a", 8);
  EXPECT_EQ(Get("a").state(), SUCCEEDED);
  EXPECT_EQ(ReasonOf("a"), "");
}

TEST_F(ClusterStateCheckpointTest, ItWaitsNoLongerThanItsLimit) {
  JobSpec spec = Spec("a", 1, 1);
  spec.mutable_limits()->set_max_seconds(60);
  Run(spec);
  FinishAllBut("a");
  FailCheckpoint("a", 8);
  PassWithout({}, absl::Seconds(61));
  EXPECT_EQ(Get("a").state(), FAILED);
  EXPECT_THAT(ReasonOf("a"), HasSubstr("limits.max_seconds"));
}

TEST_F(ClusterStateCheckpointTest, AManifestThatWasRefusedIsDueAgain) {
  Run(Spec("a", 1, 1));
  FinishAllBut("a");
  ReportRequest report = From(server_, "a");
  report.mutable_checkpoint_written()->set_step(8);
  ASSERT_TRUE(state_.Report(report, now_).ok());
  const auto due = state_.Decide(now_);
  ASSERT_EQ(due.size(), 1u);
  ASSERT_TRUE(due[0].has_checkpoint_committed());
  state_.RefuseCheckpoint(due[0].checkpoint_committed(), "read-only", now_);
  EXPECT_TRUE(state_.Decide(now_).empty());
  EXPECT_EQ(state_.NextDeadline(), now_ + absl::Seconds(1));
  EXPECT_THAT(ReasonOf("a"), HasSubstr("read-only"));
  PassWithout({}, absl::Seconds(1));
  EXPECT_EQ(Get("a").state(), SUCCEEDED);
  EXPECT_EQ(state_.NextDeadline(), now_ + absl::Seconds(5));  // leases
}

TEST_F(ClusterStateCheckpointTest, ThePolicySaysWhatIsKept) {
  Run(Keeping(2, 3));
  for (uint64_t step = 1; step <= 7; ++step) WriteCheckpoint("a", step);
  EXPECT_THAT(Kept("a"), ElementsAre(3, 6, 7));
  EXPECT_THAT(WhyKept("a"), ElementsAre("3: a multiple of 3",
                                        "6: a multiple of 3", "7: the newest"));
  // The last one takes the place of another before the job ends.
  FinishAllBut("a");
  WriteCheckpoint("a", 8);
  EXPECT_EQ(Get("a").state(), SUCCEEDED);
  EXPECT_THAT(Kept("a"), ElementsAre(3, 6, 7, 8));
  EXPECT_THAT(WhyKept("a")[2], "7: one of the last 2");
}

TEST_F(ClusterStateCheckpointTest, WhatIsDroppedStandsInTheJournal) {
  Run(Keeping(1));
  for (const uint64_t step : {2, 4, 6}) WriteCheckpoint("a", step);
  EXPECT_THAT(Kept("a"), ElementsAre(6));
  std::vector<std::string> dropped;
  ClusterState replayed{absl::Seconds(5)};
  for (const JournalEvent& event : journal_) {
    replayed.Apply(event);
    if (!event.has_checkpoint_dropped()) continue;
    dropped.push_back(event.checkpoint_dropped().directory());
  }
  EXPECT_THAT(dropped, ElementsAre("/out/a/step-2", "/out/a/step-4"));
  const Job& job = **replayed.FindJob("a");
  ASSERT_EQ(job.checkpoints().all().size(), 1u);
  EXPECT_EQ(job.checkpoints().Newest()->event.step(), 6u);
}

TEST_F(ClusterStateCheckpointTest, WhatAWaitingJobStartsFromIsKept) {
  Run(Keeping(1));
  WriteCheckpoint("a", 2);
  JobSpec reader = Spec("b", 1, 1);
  reader.mutable_from()->set_checkpoint("a/step-2");
  ASSERT_TRUE(Submit(reader).ok());
  WriteCheckpoint("a", 4);
  EXPECT_THAT(Kept("a"), ElementsAre(2, 4));
  EXPECT_THAT(WhyKept("a"), ElementsAre("2: a job that waits starts from it",
                                        "4: the newest"));
  Cancel("b");
  EXPECT_THAT(Kept("a"), ElementsAre(4));
  // By an absolute path, too; and no longer than it takes to read it.
  reader.set_name("c");
  reader.mutable_from()->set_checkpoint("/out/a/step-4");
  ASSERT_TRUE(Submit(reader).ok());
  WriteCheckpoint("a", 6);
  EXPECT_THAT(Kept("a"), ElementsAre(4, 6));
  Join(WORKER);
  StartJob("c");
  EXPECT_THAT(Kept("a"), ElementsAre(6));
}

TEST_F(ClusterStateCheckpointTest, FilesOfCheckpointsThatNeverWereAreGivenUp) {
  server_ = Join(SERVER);
  const uint64_t other = Join(SERVER);
  worker_ = Join(WORKER);
  ASSERT_TRUE(Submit(Spec("a", 1, 2)).ok());
  StartJob("a");
  WriteCheckpoint("a", 2);
  EXPECT_TRUE(state_.TakeAbandonedFiles().empty());
  server_ = other;
  FailCheckpoint("a", 2);
  ASSERT_EQ(state_.TakeAbandonedFiles().size(), 1u);
  WriteCheckpoint("a", 4);
  Cancel("a");
  const auto left = state_.TakeAbandonedFiles();
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].directory(), "/out/a/step-4");
}

}  // namespace
}  // namespace hawser
