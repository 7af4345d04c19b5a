// For each rule the nearest histories that keep it and that break it.
#include "client/audit/checker.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "client/audit/checker_test_support.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

// --- Exactly once ---

TEST(ExactlyOnceTest, APushCountedTwice) {
  for (const char* phase : {kBoundOne, kNoBound, kAsynchronous}) {
    const std::string start = Start(phase);
    Clean(start + "P 0 1 0 0 0 1 0\nD 0 1 0\nP 0 2 0 0 1 2 0\n");
    Broken(start + "P 0 1 0 0 0 1 0\nP 0 1 0 0 0 1 0\n",
           AuditRule::kExactlyOnce, 2, "[0, 1) of step 0, some of which");
    // By another worker; and in a step that is complete.
    Broken(start + "P 0 1 0 0 0 1 0\nP 0 2 0 0 0 1 0\n",
           AuditRule::kExactlyOnce, 2, "worker 2's push");
    Broken(start + "P 0 1 0 0 0 1 0\nP 0 2 0 0 1 2 0\nP 0 1 1 0 0 1 0\n",
           AuditRule::kExactlyOnce, 3, "step 0, which was complete already");
    // Partly.
    Broken(start + "P 0 1 0 0 0 1 0\nP 0 2 0 0 0 2 0\n",
           AuditRule::kExactlyOnce, 2, "[0, 2) of step 0, some of which");
    // The same micro-batch of another step, and of another block.
    Clean(start + "P 0 1 0 0 0 1 0\nP 0 1 1 1 0 1 0\nB 1\nJ 1 1 0\n" +
          "P 1 1 0 0 0 1 0\n");
  }
}

TEST(ExactlyOnceTest, ASynchronousSumReplacesFinerOnes) {
  const std::string start =
      "H 1 a 0 8\nB 0\nM 0 SYNCHRONOUS - -\nJ 0 1 0\nJ 0 2 0\n";
  const std::string two = "P 0 1 0 0 2 3 0\nP 0 1 0 0 3 4 0\n";
  Clean(start + two + "P 0 2 0 0 2 4 0\n");
  Clean(start + two + "P 0 2 0 0 0 4 0\nP 0 1 0 0 4 8 0\nR 0 1 1 1 -\n");
  Broken(start + two + "P 0 2 0 0 3 4 0\n", AuditRule::kExactlyOnce, 3,
         "[3, 4) of step 0, some of which");
  const std::string coarse = "P 0 1 0 0 2 4 0\n";
  Broken(start + coarse + "P 0 2 0 0 2 4 0\n", AuditRule::kExactlyOnce, 2,
         "[2, 4)");
  Broken(start + coarse + "P 0 2 0 0 2 3 0\n", AuditRule::kExactlyOnce, 2,
         "[2, 3)");
  Broken(start + coarse + "P 0 2 0 0 3 5 0\n", AuditRule::kExactlyOnce, 2,
         "[3, 5)");
  Broken(start + "P 0 1 0 0 0 4 0\nP 0 1 0 0 4 8 0\nP 0 2 0 0 0 8 0\n",
         AuditRule::kExactlyOnce, 3, "complete already");
  // Where updates are applied on arrival, nothing can be replaced.
  Broken("H 1 a 0 8\nB 0\nM 0 ASYNCHRONOUS - -\nJ 0 1 0\nJ 0 2 0\n" + two +
             "P 0 2 0 0 2 4 0\n",
         AuditRule::kExactlyOnce, 3, "[2, 4)");
}

TEST(ExactlyOnceTest, ARangeIsOneOfTheStep) {
  const std::string start = Start(kAsynchronous);
  Clean(start + "P 0 1 0 0 0 2 0\n");
  Broken(start + "P 0 1 0 0 0 3 0\n", AuditRule::kExactlyOnce, 1,
         "[0, 3) of step 0, which are none of the 2");
  Broken(start + "P 0 1 0 0 1 1 0\n", AuditRule::kExactlyOnce, 1, "[1, 1)");
  Broken(start + "P 0 1 0 0 2 1 0\n", AuditRule::kExactlyOnce, 1, "[2, 1)");
}

TEST(ExactlyOnceTest, ABlockHasOneServer) {
  Clean("H 1 a 0 2\nB 0\nB 0\nH 1 a 1 2\nB 1\n");
  Broken("H 1 a 0 2\nB 0\nB 1\nH 1 a 1 2\nB 2\nB 1\n", AuditRule::kExactlyOnce,
         1, "block 1: server 0 holds it, too");
}

// --- Complete steps ---

TEST(CompleteStepsTest, TheStepOfARead) {
  const std::string start = Start(kAsynchronous) +
                            "P 0 1 0 0 0 1 0\nP 0 1 1 1 0 1 0\n"
                            "P 0 2 0 1 1 2 1\n";
  // Step 1 is complete, step 0 is not.
  Clean(start + "R 0 1 2 0 1:2,2:1\n");
  Broken(start + "R 0 1 2 1 1:2,2:1\n", AuditRule::kCompleteSteps, 4,
         "says that 1 steps were complete, when 0 were");
  const std::string both = start + "P 0 2 1 0 1 2 0\n";
  Clean(both + "R 0 1 2 2 1:2,2:2\n");
  Broken(both + "R 0 1 2 1 1:2,2:2\n", AuditRule::kCompleteSteps, 5,
         "says that 1 steps were complete, when 2 were");
  Broken(both + "R 0 1 2 3 1:2,2:2\n", AuditRule::kCompleteSteps, 5,
         "says that 3 steps were complete, when 2 were");
}

// --- Synchronous ---

TEST(SynchronousTest, AReadOfTheNewestVersionOrTheOneBefore) {
  const std::string steps =
      Start(kSynchronous) +
      "R 0 1 0 0 -\nR 0 2 0 0 -\nP 0 1 0 0 0 1 0\nP 0 2 0 0 1 2 0\n"
      "R 0 1 1 1 -\nR 0 2 1 1 -\nP 0 2 1 1 1 2 0\nP 0 1 1 1 0 1 0\n";
  Clean(steps + "R 0 1 2 2 -\n");
  const AuditReport report = Clean(steps + "R 0 1 1 2 -\n");
  EXPECT_THAT(report.staleness.counts(), ElementsAre(Pair(0, 4), Pair(1, 1)));
  Broken(steps + "R 0 1 0 2 -\n", AuditRule::kSynchronous, 9,
         "worker 1 at clock 0 was served when 2 steps were complete");
  Broken(steps + "R 0 1 3 2 -\n", AuditRule::kSynchronous, 9,
         "worker 1 at clock 3 was served when 2 steps were complete");
}

TEST(SynchronousTest, NoPushOfALaterStep) {
  const std::string start = Start(kSynchronous);
  Clean(start + "P 0 1 0 0 0 1 0\nP 0 2 0 0 1 2 0\nP 0 1 1 1 0 1 0\n");
  Broken(start + "P 0 1 0 0 0 1 0\nP 0 1 1 1 0 1 0\n", AuditRule::kSynchronous,
         2, "a push of step 1 was counted when 0 steps were complete");
}

TEST(SynchronousTest, SeveralSumsOfOneStepAreOnePush) {
  const std::string start = Start(kSynchronous) + "L 0 2\n";
  Clean(start + "P 0 1 0 0 0 1 0\nP 0 1 0 0 1 2 0\nR 0 1 1 1 1:1\n");
}

// --- Staleness ---

TEST(StalenessTest, TheBoundAndOneMore) {
  const std::string ahead = Start(kBoundOne) +
                            "R 0 1 0 0 1:0,2:0\nP 0 1 0 0 0 1 0\n"
                            "R 0 1 1 0 1:1,2:0\nP 0 1 1 1 0 1 0\n";
  Clean(ahead);
  Broken(ahead + "R 0 1 2 0 1:2,2:0\n", AuditRule::kStaleness, 5,
         "worker 1 at clock 2 was served when worker 2 was at clock 0; the "
         "bound is 1");
  const AuditReport report =
      Clean(ahead + "P 0 2 0 0 1 2 1\nR 0 1 2 1 1:2,2:1\nR 0 2 1 1 2:1,1:2\n");
  EXPECT_THAT(report.staleness.counts(), ElementsAre(Pair(0, 2), Pair(1, 2)));
  EXPECT_THAT(report.lag.counts(), ElementsAre(Pair(0, 2), Pair(1, 1)));
  // A repeat of the straggler is as good as a push.
  Clean(ahead + "D 0 2 0\nR 0 1 2 0 1:2,2:1\n");
  // A read again, at the clock that was allowed.
  Clean(ahead + "R 0 1 1 0 1:2,2:0\n");
}

TEST(StalenessTest, OtherBounds) {
  const std::string pushes =
      "P 0 1 0 0 0 1 0\nP 0 1 1 1 0 1 0\nR 0 1 2 0 1:2,2:0\n";
  Clean(Start("BOUNDED_STALENESS 2 -") + pushes);
  Broken(Start("BOUNDED_STALENESS 0 -") + pushes, AuditRule::kStaleness, 3,
         "the bound is 0");
  for (const char* phase : {kNoBound, kAsynchronous}) {
    EXPECT_EQ(Clean(Start(phase) + pushes).staleness.max(), 2u);
  }
}

TEST(StalenessTest, AWorkerThatLeftHoldsNobodyBack) {
  const std::string ahead =
      Start(kBoundOne) + "J 0 3 0\nP 0 1 0 0 0 1 0\nP 0 1 1 1 0 1 0\n";
  // The slowest two leave; with one of them there the read is too early.
  Clean(ahead + "L 0 2\nL 0 3\nR 0 1 2 0 1:2\n");
  Broken(ahead + "L 0 2\nR 0 1 2 0 1:2,3:0\n", AuditRule::kStaleness, 5,
         "when worker 3 was at clock 0");
  // One that joins again holds back again, from the clock it joins at.
  Clean(ahead + "L 0 2\nL 0 3\nJ 0 2 1\nR 0 1 2 0 1:2,2:1\n");
  Broken(ahead + "L 0 2\nL 0 3\nJ 0 2 0\nR 0 1 2 0 1:2,2:0\n",
         AuditRule::kStaleness, 7, "when worker 2 was at clock 0");
}

TEST(StalenessTest, AReaderHasDoneItsOwnPushes) {
  Clean(Start(kBoundOne) + "P 0 1 0 0 0 1 0\nR 0 1 1 0 1:1,2:0\n");
  Broken(Start(kBoundOne) + "R 0 1 1 0 1:0,2:0\n", AuditRule::kStaleness, 1,
         "its own pushes had come to clock 0");
  // Else it may be ahead of them, and is not stale by that.
  const AuditReport report =
      Clean(Start(kAsynchronous) + "R 0 1 1 0 1:0,2:0\nL 0 2\nR 0 1 1 0 1:0\n");
  EXPECT_THAT(report.staleness.counts(), ElementsAre(Pair(0, 1), Pair(1, 1)));
}

TEST(StalenessTest, NoPushIsLeftOut) {
  const std::string start = Start(kBoundOne);
  Clean(start + "P 0 1 0 0 0 1 0\nP 0 1 1 1 0 1 0\n");
  Clean(start + "D 0 1 0\nP 0 1 1 1 0 1 0\n");
  Broken(start + "P 0 1 1 1 0 1 0\n", AuditRule::kStaleness, 1,
         "push 1 of worker 1 came while its clock was 0");
  Broken(start + "D 0 1 1\n", AuditRule::kStaleness, 1, "push 1 of worker 1");
  // Without a bound in clocks a clock promises nothing.
  Clean(Start(kAsynchronous) + "P 0 1 1 1 0 1 0\nR 0 1 2 0 1:2,2:0\n");
}

// --- Clocks ---

TEST(ClocksTest, TheRecordedClocksAreTheReconstructedOnes) {
  for (const char* phase : {kBoundOne, kNoBound, kAsynchronous}) {
    const std::string start = Start(phase) + "P 0 1 0 0 0 1 0\n";
    Clean(start + "R 0 1 1 0 2:0,1:1\n");
    Broken(start + "R 0 1 1 0 1:1,2:1\n", AuditRule::kClocks, 2,
           "says that worker 2 was at clock 1, when it was at 0");
    Broken(start + "R 0 1 1 0 1:0,2:0\n", AuditRule::kClocks, 2,
           "says that worker 1 was at clock 0, when it was at 1");
    Broken(start + "R 0 1 1 0 1:1\n", AuditRule::kClocks, 2,
           "leaves out worker 2, at clock 0");
    Broken(start + "R 0 1 1 0 1:1,2:0,3:5\n", AuditRule::kClocks, 2,
           "names worker 3, which does not take part");
    Broken(start + "R 0 1 1 0 -\n", AuditRule::kClocks, 2, "does not say");
    Broken(start + "L 0 2\nR 0 1 1 0 1:1,2:0\n", AuditRule::kClocks, 3,
           "names worker 2");
    // A repeat of long ago moves no clock back.
    Clean(start + "P 0 1 1 1 0 1 0\nD 0 1 0\nR 0 2 0 0 1:2,2:0\n");
  }
}

// --- Members ---

TEST(MembersTest, NothingIsDoneForOneThatLeft) {
  for (const char* phase : {kSynchronous, kAsynchronous}) {
    const std::string start = Start(phase) + "L 0 2\n";
    Broken(start + "P 0 2 0 0 1 2 0\n", AuditRule::kMembers, 2,
           "a push of worker 2 was counted after it had left");
    Broken(start + "R 0 2 0 0 1:0\n", AuditRule::kMembers, 2,
           "a read of worker 2 was served after it had left");
    Clean(start + "D 0 2 0\nL 0 2\n");
    Clean(start + "J 0 2 0\nP 0 2 0 0 1 2 0\nR 0 2 0 0 1:0,2:1\n");
  }
}

// --- Phases ---

TEST(PhasesTest, AReadBelongsToThePhaseOfTheCompleteSteps) {
  // Synchronous for a step, then a bound of 1, then none from step 2 on.
  const std::string start = Start(kSynchronous) +
                            "M 1 BOUNDED_STALENESS 1 -\nM 2 ASYNCHRONOUS - -\n"
                            "M 0 SYNCHRONOUS - -\n"
                            "R 0 1 0 0 -\nR 0 2 0 0 -\nP 0 1 0 0 0 1 0\n";
  Broken(start + "P 0 1 1 1 0 1 0\n", AuditRule::kSynchronous, 7,
         "a push of step 1 was counted when 0 steps were complete");
  const std::string slack =
      start + "P 0 2 0 0 1 2 0\nR 0 1 1 1 1:1,2:1\nP 0 1 1 1 0 1 0\n" +
      "R 0 1 2 1 1:2,2:1\nP 0 1 2 2 0 1 0\n";
  Clean(slack);
  Broken(slack + "R 0 1 3 1 1:3,2:1\n", AuditRule::kStaleness, 12,
         "the bound is 1");
  Clean(slack + "P 0 2 1 1 1 2 0\nP 0 1 3 3 0 1 0\nR 0 1 4 2 1:4,2:2\n");
}

TEST(PhasesTest, ALaterLineReplacesAPhase) {
  const std::string ahead =
      Start(kBoundOne) + "P 0 1 0 0 0 1 0\nP 0 1 1 1 0 1 0\n";
  Clean(ahead + "M 0 BOUNDED_STALENESS 2 -\nR 0 1 2 0 1:2,2:0\n");
  Broken(ahead + "M 1 BOUNDED_STALENESS 2 -\nR 0 1 2 0 1:2,2:0\n",
         AuditRule::kStaleness, 4, "the bound is 1");
}

// --- What cannot be checked ---

TEST(DamageTest, RecordsThatOthersNeed) {
  EXPECT_EQ(Error("B 0\n"), "1: there is no H record before");
  const std::string start = Start(kAsynchronous);
  for (const char* line :
       {"P 0 3 0 0 0 1 0", "R 0 3 0 0 1:0,2:0", "D 0 3 0", "L 0 3"}) {
    EXPECT_EQ(Error(start + line),
              "6: no J record says that worker 3 takes part in the block");
  }
  for (const char* line : {"P 1 1 0 0 0 1 0", "R 1 1 0 0 1:0,2:0", "D 1 1 0",
                           "L 1 1", "J 1 1 0"}) {
    EXPECT_EQ(Error(start + line),
              "6: no B record says that the server holds block 1");
  }
  const std::string no_phase =
      "H 1 a 0 2\nB 0\nM 1 ASYNCHRONOUS - -\nJ 0 1 0\n";
  for (const char* line : {"P 0 1 0 0 0 1 0", "R 0 1 0 0 1:0", "D 0 1 0"}) {
    EXPECT_EQ(Error(no_phase + line),
              "5: no M record says how step 0 is synchronised");
  }
  EXPECT_THAT(Error("H 1 a 0 2\nB 0\nH 1 a 1 4\n"),
              HasSubstr("they are of different runs"));
  // What a server said holds for its file alone.
  EXPECT_THAT(Error(start + "H 1 a 1 2\nJ 0 1 0\n"), HasSubstr("no B record"));
  EXPECT_THAT(Error(start + "H 1 a 1 2\nB 1\nJ 1 1 0\nD 1 1 0\n"),
              HasSubstr("no M record"));
}

// --- Counts ---

TEST(CountsTest, OfEachServer) {
  const AuditReport report = Clean(
      Start(kAsynchronous) + "P 0 1 0 0 0 1 3\nD 0 1 0\nR 0 1 1 0 1:1,2:0\n" +
      "H 1 a 1 2\nB 1\nB 2\nM 0 ASYNCHRONOUS - -\nJ 1 1 0\nJ 2 1 0\n" +
      "P 1 1 0 0 0 1 0\nP 2 1 0 0 0 1 7\n");
  ASSERT_EQ(report.servers.size(), 2u);
  EXPECT_EQ(report.servers[0].blocks, 1u);
  EXPECT_EQ(report.servers[0].reads, 1u);
  EXPECT_EQ(report.servers[0].pushes, 1u);
  EXPECT_EQ(report.servers[0].repeats, 1u);
  EXPECT_EQ(report.servers[1].server, 1u);
  EXPECT_EQ(report.servers[1].blocks, 2u);
  EXPECT_EQ(report.servers[1].pushes, 2u);
  EXPECT_EQ(report.Total().blocks, 3u);
  EXPECT_EQ(report.Total().pushes, 3u);
  EXPECT_THAT(report.lag.counts(),
              ElementsAre(Pair(0, 1), Pair(3, 1), Pair(7, 1)));
}

TEST(CountsTest, AllViolationsAreCountedAndTheFirstKept) {
  std::string history = Start(kAsynchronous);
  for (int i = 0; i < 30; ++i) history += "R 0 1 0 1 1:0,2:0\n";
  const auto report = CheckText(history);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->violations, 30u);
  ASSERT_EQ(report->first_violations.size(), 20u);
  EXPECT_EQ(report->first_violations.back().line, kStartLines + 20u);
}

TEST(CountsTest, Percentiles) {
  Distribution distribution;
  EXPECT_EQ(distribution.Percentile(50), 0u);
  EXPECT_EQ(distribution.max(), 0u);
  for (uint64_t i = 1; i <= 100; ++i) distribution.Add(i);
  EXPECT_EQ(distribution.Percentile(50), 50u);
  EXPECT_EQ(distribution.Percentile(99), 99u);
  EXPECT_EQ(distribution.Percentile(100), 100u);
  distribution.Add(1000);
  EXPECT_EQ(distribution.Percentile(50), 51u);
  EXPECT_EQ(distribution.Percentile(99), 100u);
  EXPECT_EQ(distribution.max(), 1000u);
  Distribution one;
  one.Add(7);
  EXPECT_EQ(one.Percentile(1), 7u);
}

}  // namespace
}  // namespace hawser
