#include "worker/cut_off.h"

#include "gtest/gtest.h"

namespace hawser {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1000);
const absl::Status kNoAnswer = absl::UnavailableError("no answer");

absl::Time After(int seconds) { return kStart + absl::Seconds(seconds); }

TEST(CutOffTest, ItIsToldAfterAWhileAndAgainAfterAnother) {
  CutOff cut_off(kStart);
  EXPECT_FALSE(cut_off.Tried(kNoAnswer, /*has_begun=*/false, After(1)));
  EXPECT_FALSE(cut_off.Tried(absl::DeadlineExceededError("late"),
                             /*has_begun=*/false, After(14)));
  EXPECT_TRUE(cut_off.Tried(kNoAnswer, /*has_begun=*/false, After(15)));
  EXPECT_FALSE(cut_off.Tried(kNoAnswer, /*has_begun=*/false, After(29)));
  EXPECT_TRUE(cut_off.Tried(kNoAnswer, /*has_begun=*/false, After(30)));
}

TEST(CutOffTest, WhoHasReachedAllServersIsNot) {
  CutOff cut_off(kStart);
  EXPECT_FALSE(cut_off.Tried(kNoAnswer, /*has_begun=*/false, After(10)));
  EXPECT_FALSE(cut_off.Tried(kNoAnswer, /*has_begun=*/true, After(20)));
  EXPECT_FALSE(cut_off.Tried(kNoAnswer, /*has_begun=*/false, After(34)));
  EXPECT_TRUE(cut_off.Tried(kNoAnswer, /*has_begun=*/false, After(35)));
}

TEST(CutOffTest, AnAnswerIsAnAnswer) {
  CutOff cut_off(kStart);
  const absl::Status stale = absl::FailedPreconditionError("stale incarnation");
  EXPECT_FALSE(cut_off.Tried(stale, /*has_begun=*/false, After(20)));
  EXPECT_FALSE(cut_off.Tried(kNoAnswer, /*has_begun=*/false, After(21)));
}

}  // namespace
}  // namespace hawser
