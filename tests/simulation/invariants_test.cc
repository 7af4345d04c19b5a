// That what must hold is noticed when it does not.
#include "tests/simulation/invariants.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::simulation {
namespace {

using testing::HasSubstr;

class InvariantsTest : public testing::Test {
 protected:
  InvariantsTest() {
    reference.blocks[{3, 0, CodecId::kFloat32}] = 77;
    reference.end = Succeeded();
  }
  static JobStatus AtStep(uint64_t step) {
    JobStatus status;
    status.set_state(RUNNING);
    status.set_step(step);
    return status;
  }
  static JobStatus Succeeded() {
    JobStatus status;
    status.set_state(SUCCEEDED);
    status.set_step(4);
    status.set_checkpoint_step(4);
    status.set_parameters_sha256("abc");
    EpochMetrics* epoch = status.add_epochs_done();
    epoch->set_epoch(1);
    epoch->mutable_training()->set_samples(61);
    return status;
  }
  void ExpectFailure(const std::string& part) {
    ASSERT_TRUE(invariants.failure().has_value());
    EXPECT_THAT(*invariants.failure(), HasSubstr(part));
  }

  Reference reference;
  Invariants invariants{&reference};
};

TEST_F(InvariantsTest, ARunAsItShouldBe) {
  invariants.Registered(1, "life 1 of server 1");
  invariants.Registered(1, "life 1 of server 1");  // given back
  invariants.Accepted(2);
  invariants.Accepted(2);
  Plan plan;
  plan.set_incarnation(3);
  invariants.Ordered(plan);
  invariants.Ordered(plan);
  FrameHeader block;
  block.clock = 3;
  block.payload_crc32c = 77;
  invariants.Answered(block);
  invariants.Told(AtStep(1));
  invariants.Told(AtStep(1));
  EXPECT_FALSE(invariants.ended());
  invariants.Told(Succeeded());
  invariants.Told(Succeeded());
  EXPECT_TRUE(invariants.ended());
  EXPECT_FALSE(invariants.failure().has_value()) << *invariants.failure();
}

TEST_F(InvariantsTest, AJobThatLeavesItsEnd) {
  invariants.Told(Succeeded());
  JobStatus changed = Succeeded();
  changed.set_state(FAILED);
  invariants.Told(changed);
  ExpectFailure("the job had ended as SUCCEEDED and changed");
}

TEST_F(InvariantsTest, OtherParameters) {
  JobStatus other = Succeeded();
  other.set_parameters_sha256("abd");
  invariants.Told(other);
  ExpectFailure("hash abd");
}

TEST_F(InvariantsTest, ASampleCountedTwice) {
  JobStatus other = Succeeded();
  other.mutable_epochs_done(0)->mutable_training()->set_samples(62);
  invariants.Told(other);
  ExpectFailure("62 samples");
}

TEST_F(InvariantsTest, AnEpochTooFew) {
  JobStatus other = Succeeded();
  other.clear_epochs_done();
  invariants.Told(other);
  ExpectFailure("the job has 0 epochs");
}

TEST_F(InvariantsTest, AStepBack) {
  invariants.Told(AtStep(2));
  invariants.Told(AtStep(1));
  ExpectFailure("went back from step 2");
}

TEST_F(InvariantsTest, AStepBackForEachRestartOfTheScheduler) {
  invariants.Told(AtStep(3));
  invariants.SchedulerCrashed();
  invariants.Told(AtStep(1));
  invariants.Told(AtStep(3));
  EXPECT_FALSE(invariants.failure().has_value());
  invariants.Told(AtStep(2));
  ExpectFailure("went back from step 3");
}

TEST_F(InvariantsTest, AnEpochBack) {
  JobStatus status = AtStep(3);
  status.set_epoch(2);
  invariants.Told(status);
  invariants.SchedulerCrashed();
  status.set_epoch(1);
  invariants.Told(status);
  ExpectFailure("epoch 2 to step 3, epoch 1");
}

TEST_F(InvariantsTest, ARollBackToTheLastCheckpoint) {
  JobStatus before = AtStep(9);
  before.set_blocks_since(3);
  before.set_checkpoint_step(6);
  invariants.Told(before);
  JobStatus after = AtStep(7);
  after.set_blocks_since(8);
  after.set_restored_step(6);
  invariants.Told(after);
  EXPECT_FALSE(invariants.failure().has_value()) << *invariants.failure();
  after.set_step(6);  // once more, without another roll-back
  invariants.Told(after);
  ExpectFailure("went back from step 7");
}

TEST_F(InvariantsTest, ARollBackBeyondTheLastCheckpoint) {
  JobStatus status = AtStep(9);
  status.set_checkpoint_step(6);
  invariants.Told(status);
  status.set_blocks_since(8);
  status.set_restored_step(4);
  status.set_step(4);
  invariants.Told(status);
  ExpectFailure("went back from step 9");
}

TEST_F(InvariantsTest, ARollBackToNoCheckpoint) {
  Plan plan;
  plan.set_incarnation(3);
  plan.set_blocks_since(3);
  plan.mutable_restore()->set_step(6);
  plan.mutable_restore()->set_directory("/none");
  plan.add_servers();
  plan.add_blocks();
  invariants.Ordered(plan);
  ExpectFailure("without /none/manifest.json");
}

TEST_F(InvariantsTest, ABlockOfOtherBytes) {
  FrameHeader block;
  block.clock = 3;
  block.payload_crc32c = 78;
  invariants.Answered(block);
  ExpectFailure("block 0 of version 3");
}

TEST_F(InvariantsTest, ABlockOfAVersionThatIsNot) {
  FrameHeader block;
  block.clock = 5;
  invariants.Answered(block);
  ExpectFailure("block 0 of version 5");
}

TEST_F(InvariantsTest, ANumberGivenTwice) {
  invariants.Registered(1, "life 1 of server 1");
  Plan plan;
  plan.set_incarnation(1);
  invariants.Ordered(plan);
  ExpectFailure("number 1, given to life 1 of server 1, is given to a plan");
}

TEST_F(InvariantsTest, AFormerNumberGivenToAnotherLife) {
  invariants.Registered(1, "life 1 of server 1");
  invariants.Registered(1, "life 2 of server 1");
  ExpectFailure("is given to life 2 of server 1, too");
}

TEST_F(InvariantsTest, TwoPlansOfOneIncarnation) {
  Plan plan;
  plan.set_incarnation(3);
  invariants.Ordered(plan);
  plan.add_workers()->set_node(9);  // a worker is told its own place
  invariants.Ordered(plan);
  EXPECT_FALSE(invariants.failure().has_value());
  plan.set_total_steps(7);
  invariants.Ordered(plan);
  ExpectFailure("incarnation 3 was");
}

TEST_F(InvariantsTest, TwoPlacesOfOneWorker) {
  Plan plan;
  plan.set_incarnation(3);
  plan.add_workers()->set_node(9);
  invariants.Ordered(plan);
  plan.mutable_workers(0)->set_last(4);
  invariants.Ordered(plan);
  ExpectFailure("worker 9 has two places");
}

}  // namespace
}  // namespace hawser::simulation
