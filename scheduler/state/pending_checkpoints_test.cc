#include "scheduler/state/pending_checkpoints.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

constexpr uint64_t kAda = 3;
constexpr uint64_t kBob = 4;

class PendingCheckpointsTest : public testing::Test {
 protected:
  void Write(uint64_t server, uint64_t step) {
    CheckpointWritten file;
    file.set_step(step);
    file.set_file(absl::StrCat("server-", server));
    file.set_directory(absl::StrCat("/out/step-", step));
    pending_.Written(server, file);
  }
  std::optional<std::string> Fail(uint64_t step, bool is_last = false) {
    CheckpointFailed failed;
    failed.set_step(step);
    failed.set_message("no space");
    return pending_.Failed(failed, is_last, now_);
  }
  // Of the newest complete one; 0: none is.
  uint64_t CompleteStep() {
    const auto complete = pending_.Complete({kAda, kBob}, now_);
    return complete.has_value() ? complete->step() : 0;
  }
  void Commit(uint64_t step) {
    CheckpointCommitted event;
    event.set_step(step);
    pending_.Commit(event);
  }

  PendingCheckpoints pending_;
  absl::Time now_ = absl::FromUnixSeconds(1000);
};

TEST_F(PendingCheckpointsTest, CompleteWhenEveryServerHasWritten) {
  Write(kBob, 4);
  EXPECT_EQ(CompleteStep(), 0u);
  Write(kBob, 8);
  Write(kAda, 4);
  EXPECT_EQ(CompleteStep(), 4u);
  const auto complete = pending_.Complete({kAda, kBob}, now_);
  EXPECT_EQ(complete->directory(), "/out/step-4");
  ASSERT_EQ(complete->files_size(), 2);
  EXPECT_EQ(complete->files(0).file(), "server-3");
  EXPECT_FALSE(pending_.Complete({}, now_).has_value());
  Commit(4);
  EXPECT_EQ(CompleteStep(), 0u);
  Write(kAda, 4);  // a repeat
  EXPECT_EQ(CompleteStep(), 0u);
  Write(kAda, 8);
  EXPECT_EQ(CompleteStep(), 8u);
}

TEST_F(PendingCheckpointsTest, OneThatFailedIsAbandonedAndTheNextOneCounts) {
  Write(kBob, 4);
  const auto line = Fail(4);
  ASSERT_TRUE(line.has_value());
  EXPECT_TRUE(absl::StrContains(*line, "step 4: no space; the job goes on"));
  ASSERT_EQ(pending_.TakeAbandoned().size(), 1u);
  EXPECT_EQ(pending_.failed(), 1u);
  EXPECT_EQ(pending_.problem(), *line);
  Write(kAda, 8);
  Write(kBob, 8);
  EXPECT_EQ(CompleteStep(), 8u);
  Commit(8);
  EXPECT_EQ(pending_.problem(), "");
  EXPECT_EQ(pending_.failed(), 1u);
}

TEST_F(PendingCheckpointsTest, WhatACommitLeavesBehindIsAbandoned) {
  Write(kAda, 4);
  Write(kAda, 6);
  Write(kAda, 8);
  Write(kBob, 8);
  Write(kAda, 10);
  Commit(8);
  const auto abandoned = pending_.TakeAbandoned();
  ASSERT_EQ(abandoned.size(), 2u);
  EXPECT_EQ(abandoned[0].directory(), "/out/step-4");
  EXPECT_EQ(abandoned[1].directory(), "/out/step-6");
  EXPECT_TRUE(pending_.TakeAbandoned().empty());
  // Of one that nobody waits for any more.
  EXPECT_FALSE(Fail(6).has_value());
}

TEST_F(PendingCheckpointsTest, AManifestIsTriedAgainForTheLastOneAlone) {
  Write(kAda, 4);
  Write(kBob, 4);
  EXPECT_TRUE(pending_.Refuse(4, "read-only", false, now_).has_value());
  EXPECT_EQ(CompleteStep(), 0u);
  EXPECT_EQ(pending_.NextTry(), absl::InfiniteFuture());
  Write(kAda, 9);
  Write(kBob, 9);
  for (const int seconds : {1, 2, 4, 8, 16, 32, 60, 60}) {
    ASSERT_EQ(CompleteStep(), 9u);
    pending_.Refuse(9, "read-only", true, now_);
    EXPECT_EQ(CompleteStep(), 0u);
    EXPECT_EQ(pending_.NextTry(), now_ + absl::Seconds(seconds));
    now_ = pending_.NextTry();
  }
  EXPECT_EQ(CompleteStep(), 9u);
  EXPECT_TRUE(absl::StrContains(pending_.problem(), "it is tried again"));
  Commit(9);
  EXPECT_EQ(pending_.NextTry(), absl::InfiniteFuture());
}

TEST_F(PendingCheckpointsTest, TroubleWithoutEndIsToldNowAndThen) {
  EXPECT_TRUE(Fail(1).has_value());
  EXPECT_FALSE(Fail(1).has_value());  // the other server's
  EXPECT_FALSE(Fail(2).has_value());
  EXPECT_EQ(pending_.failed(), 2u);
  now_ += PendingCheckpoints::kTellEvery;
  EXPECT_TRUE(Fail(3).has_value());
  Commit(4);
  EXPECT_TRUE(Fail(5).has_value());
}

TEST_F(PendingCheckpointsTest, SkippedOnesAreCounted) {
  CheckpointFailed failed;
  failed.set_step(6);
  failed.set_message("busy");
  for (const uint64_t step : {4, 5, 6}) failed.add_skipped_steps(step);
  const auto line = pending_.Failed(failed, false, now_);
  EXPECT_EQ(line, "checkpoint of step 6 skipped: busy");
  EXPECT_EQ(pending_.skipped(), 3u);
  EXPECT_TRUE(pending_.TakeAbandoned().empty());
  // The other server skips them, too, but for the last, of which it has a file.
  failed.set_step(7);
  failed.set_skipped_steps(2, 7);
  Write(kAda, 7);
  pending_.Failed(failed, false, now_);
  EXPECT_EQ(pending_.skipped(), 4u);
  EXPECT_EQ(pending_.TakeAbandoned().size(), 1u);
  EXPECT_EQ(pending_.failed(), 0u);
}

TEST_F(PendingCheckpointsTest, AJobThatGoesBackWritesThemAnew) {
  Commit(8);
  Write(kAda, 12);
  pending_.AbandonAll(4);
  EXPECT_EQ(pending_.TakeAbandoned().size(), 1u);
  Write(kAda, 8);
  Write(kBob, 8);
  EXPECT_EQ(CompleteStep(), 8u);
}

TEST_F(PendingCheckpointsTest, SoManyAreRememberedAndNoMore) {
  for (uint64_t step = 1; step <= PendingCheckpoints::kMost + 2; ++step) {
    Write(kAda, step);
  }
  EXPECT_EQ(pending_.TakeAbandoned().size(), 2u);
}

}  // namespace
}  // namespace hawser
