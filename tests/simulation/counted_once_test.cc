#include "tests/simulation/counted_once.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::simulation {
namespace {

using testing::HasSubstr;
using testing::Optional;

// Two blocks, three steps of two micro-batches.
class CountedOnceTest : public testing::Test {
 protected:
  CountedOnceTest() { EXPECT_EQ(Order(1, 1, 0), std::nullopt); }

  std::optional<std::string> Order(uint64_t incarnation, uint64_t since,
                                   uint64_t step,
                                   UpdateMode mode = ASYNCHRONOUS,
                                   uint64_t server = 100) {
    Plan plan;
    plan.set_incarnation(incarnation);
    plan.set_blocks_since(since);
    plan.mutable_restore()->set_step(step);
    plan.mutable_spec()->mutable_schedule()->set_micro_batches(2);
    plan.set_total_steps(3);
    plan.add_phases()->mutable_synchronisation()->set_mode(mode);
    plan.add_servers()->set_node(server);
    plan.add_blocks();
    plan.add_blocks();
    return once_.Ordered(plan);
  }
  std::optional<std::string> Count(uint64_t incarnation, uint32_t block,
                                   uint64_t position, uint32_t run,
                                   uint16_t flags = 0) {
    FrameHeader ack;
    ack.incarnation = incarnation;
    ack.block = block;
    ack.position = position;
    ack.run = run;
    ack.flags = flags;
    return once_.Acknowledged(ack);
  }
  void CountInBoth(uint64_t incarnation, uint64_t position, uint32_t run) {
    EXPECT_EQ(Count(incarnation, 0, position, run), std::nullopt);
    EXPECT_EQ(Count(incarnation, 1, position, run), std::nullopt);
  }

  CountedOnce once_;
};

TEST_F(CountedOnceTest, AJobWithoutFaults) {
  CountInBoth(1, 0, 1);
  CountInBoth(1, 3, 1);
  CountInBoth(1, 1, 2);
  CountInBoth(1, 4, 2);
  EXPECT_EQ(Count(1, 0, 1, 2, kRepeated), std::nullopt);
  EXPECT_EQ(once_.Succeeded(), std::nullopt);
}

TEST_F(CountedOnceTest, TwiceOrNever) {
  CountInBoth(1, 0, 2);
  EXPECT_THAT(Count(1, 1, 1, 1),
              Optional(HasSubstr("block 1 counts micro-batch 1 of step 0")));
  EXPECT_EQ(Order(2, 1, 0), std::nullopt);  // a worker was lost
  EXPECT_THAT(Count(2, 0, 0, 1), Optional(HasSubstr("micro-batch 0 of")));
  CountInBoth(2, 2, 3);
  EXPECT_EQ(Count(2, 0, 5, 1), std::nullopt);
  EXPECT_THAT(once_.Succeeded(),
              Optional(HasSubstr("block 1 has not counted micro-batch 1 of "
                                 "step 2")));
  // Whoever counted it was lost before he said so.
  EXPECT_EQ(Count(2, 1, 5, 1, kRepeated), std::nullopt);
  EXPECT_EQ(once_.Succeeded(), std::nullopt);
}

TEST_F(CountedOnceTest, AServerThatIsGivenUpCountsWhatItsReplicaHasCounted) {
  CountInBoth(1, 0, 2);
  EXPECT_EQ(Order(2, 1, 0, ASYNCHRONOUS, /*server=*/101), std::nullopt);
  EXPECT_EQ(Count(2, 0, 2, 1, kRepeated), std::nullopt);
  EXPECT_EQ(Count(1, 0, 2, 1), std::nullopt);
  EXPECT_THAT(Count(2, 0, 2, 1), Optional(HasSubstr("micro-batch 0 of step 1")))
      << "the one that took over may not";
}

TEST_F(CountedOnceTest, WhatIsRolledBackCountsAgain) {
  CountInBoth(1, 0, 2);
  CountInBoth(1, 2, 1);
  EXPECT_EQ(Order(2, 2, 1), std::nullopt);
  CountInBoth(2, 2, 2);
  EXPECT_THAT(Count(2, 0, 1, 1), Optional(HasSubstr("of step 0")));
  CountInBoth(2, 4, 2);
  EXPECT_EQ(once_.Succeeded(), std::nullopt);
}

TEST_F(CountedOnceTest, ACheckpointWithPushesOfLaterSteps) {
  CountInBoth(1, 0, 1);
  EXPECT_EQ(Count(1, 1, 2, 1), std::nullopt);
  CountInBoth(1, 1, 1);
  EXPECT_THAT(Order(2, 2, 1),
              Optional(HasSubstr("step 1 is restored; when block 1 came")));
  // Back to the beginning, and there once more.
  EXPECT_EQ(Order(3, 3, 0), std::nullopt);
  CountInBoth(3, 0, 2);
  CountInBoth(3, 2, 1);
  EXPECT_EQ(Order(4, 4, 1), std::nullopt);
  // That of the second time, again.
  EXPECT_EQ(Order(5, 5, 1), std::nullopt);
}

TEST_F(CountedOnceTest, WhereAStepIsSynchronousNothingIsSaid) {
  EXPECT_EQ(Order(2, 1, 0, SYNCHRONOUS), std::nullopt);
  EXPECT_EQ(Count(2, 0, 0, 1), std::nullopt);
  EXPECT_EQ(Count(2, 0, 0, 1), std::nullopt);
  EXPECT_EQ(once_.Succeeded(), std::nullopt);
}

}  // namespace
}  // namespace hawser::simulation
