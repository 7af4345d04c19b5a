// Blocks whose history goes on elsewhere, or begins again: for each rule the
// nearest histories that keep it and that break it.
#include <string>

#include "absl/strings/str_cat.h"
#include "client/audit/checker_test_support.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::HasSubstr;

// --- Roll-backs ---

TEST(RollBackTest, WhatCameAfterTheCheckpointIsMadeAgain) {
  const std::string before = Start(kSynchronous) +
                             "P 0 1 0 0 0 2 0\nP 0 2 1 1 0 2 0\n"
                             "P 0 1 2 2 0 1 0\n";
  const std::string after =
      "H 1 a 0 2\nV 9 1\nB 0\nM 0 SYNCHRONOUS - -\nJ 0 3 0\nR 0 3 1 1 -\n";
  const AuditReport report = Clean(before + after + "P 0 3 1 1 0 2 0\n");
  ASSERT_EQ(report.servers.size(), 1u);
  EXPECT_EQ(report.servers[0].blocks, 1u);
  EXPECT_EQ(report.servers[0].pushes, 4u);
  // Once more to the same step; and again from the beginning.
  Clean(before + after + "P 0 3 1 1 0 2 0\n" +
        "H 1 a 0 2\nV 10 1\nB 0\nM 0 SYNCHRONOUS - -\nJ 0 4 0\n");
  Clean(before + "H 1 a 0 2\nV 9 0\nB 0\nM 0 SYNCHRONOUS - -\nJ 0 3 0\n" +
        "P 0 3 0 0 0 2 0\n");
}

TEST(RollBackTest, AStepThatWasNotComplete) {
  const std::string start = Start(kSynchronous) + "P 0 1 0 0 0 2 0\n";
  Broken(start + "H 1 a 0 2\nV 9 2\nB 0\n", AuditRule::kCompleteSteps, 4,
         "rolled back to step 2, when 1 steps had been complete");
  Broken(start + "H 1 a 0 2\nV 9 1\nB 0\nB 1\n", AuditRule::kCompleteSteps, 5,
         "block 1: was rolled back to step 1, when 0");
  // What was complete before a roll-back to an earlier step was so.
  Clean(start + "H 1 a 0 2\nV 8 0\nB 0\nH 1 a 0 2\nV 9 1\nB 0\n");
}

TEST(RollBackTest, AStepBeforeItIsNotCountedAgain) {
  const std::string start = Start(kAsynchronous) + "P 0 1 0 0 0 2 0\n";
  Broken(start + "H 1 a 0 2\nV 9 1\nB 0\nM 0 ASYNCHRONOUS - -\nJ 0 3 0\n" +
             "P 0 3 0 0 0 2 0\n",
         AuditRule::kExactlyOnce, 7, "step 0, which was complete already");
}

// Steps 0 and 1 of the block are complete; of step 2 worker 2 has pushed a part
// before, or after.
std::string TwoSteps(bool ahead) {
  const std::string later = "P 0 2 0 2 1 2 0\n";
  return Start(kAsynchronous) + "P 0 1 0 0 0 2 0\nP 0 1 1 1 0 1 0\n" +
         (ahead ? later : "") + "P 0 1 2 1 1 2 0\n" + (ahead ? "" : later);
}
const char kBackToTwo[] = "H 1 a 0 2\nV 9 2\nB 0\nM 0 ASYNCHRONOUS - -\n";

TEST(RollBackTest, ACheckpointHoldsNothingOfLaterSteps) {
  const std::string again = "J 0 3 0\nP 0 3 0 2 0 2 0\n";
  Clean(TwoSteps(false) + kBackToTwo + again);
  Broken(TwoSteps(true) + kBackToTwo + again, AuditRule::kExactlyOnce, 7,
         "rolled back to step 2, whose checkpoint held pushes of later steps");
  // No checkpoint of step 2 was restored.
  Clean(TwoSteps(true) + "H 1 a 0 2\nV 9 1\nB 0\nM 0 ASYNCHRONOUS - -\n" +
        "J 0 3 0\nP 0 3 0 1 0 2 0\n");
  // A whole step may be counted before the one before it.
  Broken(Start(kAsynchronous) + "P 0 1 0 0 0 2 0\nP 0 1 1 2 0 2 0\n" +
             "P 0 1 2 1 0 2 0\n" + kBackToTwo,
         AuditRule::kExactlyOnce, 6, "rolled back to step 2");
}

TEST(RollBackTest, TheCheckpointIsThatOfTheLastTimeTheBlockWasThere) {
  const std::string once_more =
      "H 1 a 0 2\nV 8 1\nB 0\nM 0 ASYNCHRONOUS - -\nJ 0 3 0\n";
  const std::string tidy = "P 0 3 0 1 0 2 0\nP 0 3 1 2 0 1 0\n";
  const std::string ahead = "P 0 3 0 2 0 1 0\nP 0 3 1 1 0 2 0\n";
  Clean(TwoSteps(true) + once_more + tidy + kBackToTwo);
  Broken(TwoSteps(false) + once_more + ahead + kBackToTwo,
         AuditRule::kExactlyOnce, 14, "rolled back to step 2");
  // It was not there again.
  Broken(TwoSteps(true) + once_more + kBackToTwo, AuditRule::kExactlyOnce, 12,
         "rolled back to step 2");
  // Twice to the same one.
  const auto twice =
      CheckText(TwoSteps(true) + kBackToTwo + "H 1 a 0 2\nV 11 2\nB 0\n");
  ASSERT_TRUE(twice.ok());
  EXPECT_EQ(twice->violations, 2u);
}

TEST(RollBackTest, TheCheckpointWasMadeAtAnotherServer) {
  const std::string moved =
      "H 1 a 1 2\nA 0 7 2 5:6\nM 0 ASYNCHRONOUS - -\nJ 0 1 0\n";
  const std::string back = "H 1 a 1 2\nV 9 2\nB 0\nM 0 ASYNCHRONOUS - -\n";
  Clean(TwoSteps(false) + moved + back);
  Broken(TwoSteps(true) + moved + back, AuditRule::kExactlyOnce, 11,
         "rolled back to step 2");
  // Of what a lost server did not write nobody knows.
  const std::string taken_over =
      "H 1 a 1 2\nK 0 7 2 5:6\nM 0 ASYNCHRONOUS - -\nJ 0 1 0\n";
  Clean(Start(kAsynchronous) + "P 0 1 0 0 0 2 0\n" + taken_over + back);
  const std::string long_before = "H 1 a 0 2\nV 5 0\nB 0\n";
  Clean(TwoSteps(true) + long_before + taken_over + back);
}

TEST(RollBackTest, TheRecordComesBeforeTheBlocks) {
  EXPECT_THAT(Error(Start(kSynchronous) + "V 9 1\n"),
              HasSubstr("before the blocks"));
}

// --- Moves ---

TEST(MovesTest, AStayBeginsWithWhatHadBeenCounted) {
  const std::string before = Start(kAsynchronous) +
                             "P 0 1 0 0 0 2 0\nP 0 1 1 1 1 2 0\n"
                             "P 0 2 0 2 0 1 0\n";
  const auto after = [&](const std::string& arrive) {
    return before + "H 1 a 1 2\n" + arrive + "\nM 0 " + kAsynchronous +
           "\nJ 0 2 0\nP 0 2 0 1 0 1 0\n";
  };
  EXPECT_EQ(Clean(after("A 0 9 1 3:5")).servers[1].blocks, 1u);
  Broken(after("A 0 9 1 3:4"), AuditRule::kExactlyOnce, 5,
         "came to server 1 with 1 steps and 3 to 4 counted, and left server 0 "
         "with 1 steps and 3 to 5");
  Broken(after("A 0 9 0 3:5"), AuditRule::kExactlyOnce, 5, "0 steps");
  // What came along counts.
  const auto twice = CheckText(after("A 0 9 1 2:5"));
  ASSERT_TRUE(twice.ok());
  EXPECT_EQ(twice->violations, 2u);
}

TEST(MovesTest, ASynchronousStepIsMadeAgain) {
  const std::string before =
      Start(kSynchronous) + "P 0 1 0 0 0 2 0\nP 0 1 1 1 0 1 0\n";
  const auto after = [&](const std::string& arrive, const std::string& push) {
    return before + "H 1 a 1 2\n" + arrive + "\nM 0 " + kSynchronous +
           "\nJ 0 2 0\n" + push;
  };
  Clean(after("A 0 9 1 -", "P 0 2 1 1 0 2 0\nR 0 2 2 2 -\n"));
  // Counted whole, it may wait for other blocks.
  Clean(after("A 0 9 0 -", "P 0 2 0 0 0 2 0\nR 0 2 1 1 -\n"));
  Broken(after("A 0 9 2 -", ""), AuditRule::kExactlyOnce, 4, "2 steps");
}

// The job was rolled back, and the server that its block began anew at was lost
// before it wrote anything.
TEST(MovesTest, ABlockBeginsAnewWhereNothingWasWritten) {
  const auto after = [](const std::string& arrive) {
    return Start(kAsynchronous) + "P 0 1 0 0 0 2 0\nH 1 a 1 2\nV 9 0\nB 1\n" +
           arrive + "\nM 0 " + kAsynchronous + "\nJ 0 2 0\n";
  };
  Clean(after("K 0 11 0 -"));
  Clean(after("A 0 11 0 -"));
  Broken(after("A 0 11 0 1:2"), AuditRule::kExactlyOnce, 5, "0 steps");
  Broken(after("A 0 8 0 -"), AuditRule::kExactlyOnce, 5, "0 steps");
}

// The server before may not have written its last records; it has acknowledged
// nothing that the replica lacked.
TEST(MovesTest, AReplicaTakesOverWithAllThatWasCountedOrMore) {
  const std::string before = Start(kAsynchronous) +
                             "P 0 1 0 0 0 2 0\nP 0 1 1 1 1 2 0\n"
                             "P 0 2 0 2 0 1 0\n";
  const auto after = [&](const std::string& arrive) {
    return before + "H 1 a 1 2\n" + arrive + "\nM 0 " + kAsynchronous +
           "\nJ 0 2 0\n";
  };
  Clean(after("K 0 9 1 3:5"));
  Clean(after("K 0 9 1 3:6"));
  Clean(after("K 0 9 3 -"));
  Broken(after("K 0 9 1 3:4"), AuditRule::kExactlyOnce, 5, "1 steps");
  Broken(after("K 0 9 0 3:5"), AuditRule::kExactlyOnce, 5, "0 steps");
  Clean(Start(kSynchronous) + "P 0 1 0 0 0 2 0\nP 0 1 1 1 0 1 0\n" +
        "H 1 a 1 2\nK 0 9 1 -\nM 0 " + kSynchronous + "\nJ 0 2 0\n");
}

TEST(MovesTest, ABlockThatStaysAfterAllGoesOn) {
  const std::string first = Start(kAsynchronous) + "P 0 1 0 0 0 1 0\n";
  const std::string again = "A 0 12 0 0:1\nJ 0 2 0\nP 0 2 0 0 1 2 0\n";
  const std::string elsewhere =
      "H 1 a 1 2\nA 0 9 0 0:1\nM 0 ASYNCHRONOUS - -\nJ 0 1 0\n";
  Clean(first + again + elsewhere);
  Broken(first + again + elsewhere + "P 0 1 0 0 1 2 0\n",
         AuditRule::kExactlyOnce, 2, "came to server 0 with 0 steps");
}

TEST(MovesTest, TwoServersHoldABlockByOnePlan) {
  const std::string come = "A 0 9 0 -\nM 0 ASYNCHRONOUS - -\nJ 0 1 0\n";
  Broken(Start(kAsynchronous) + "H 1 a 1 2\n" + come + "H 1 a 2 2\n" + come,
         AuditRule::kExactlyOnce, 6, "server 1 holds it, too");
}

}  // namespace
}  // namespace hawser
