#include "server/state/validation_leases.h"

#include <set>

#include "gtest/gtest.h"

namespace hawser {
namespace {

std::optional<Run> Chunks(uint64_t first, uint64_t count) {
  return Run{first, count};
}

TEST(ValidationLeasesTest, WithoutDataThereIsNothingToDo) {
  ValidationLeases validation(0);
  EXPECT_FALSE(validation.Start(5));
  EXPECT_FALSE(validation.active());
  EXPECT_EQ(validation.Take(1), std::nullopt);
}

TEST(ValidationLeasesTest, APassIsOverWhenEveryChunkIsDone) {
  ValidationLeases validation(5);
  EXPECT_FALSE(validation.active());
  ASSERT_TRUE(validation.Start(7));
  EXPECT_EQ(validation.version(), 7u);
  EXPECT_EQ(validation.chunks(), 5u);
  std::set<uint64_t> done;
  while (const auto chunks = validation.Take(1)) {
    for (uint64_t c = chunks->position; c < chunks->end(); ++c) {
      EXPECT_TRUE(done.insert(c).second) << c;
    }
    EXPECT_TRUE(validation.active());
    validation.Done(*chunks);
  }
  EXPECT_EQ(done.size(), 5u);
  EXPECT_FALSE(validation.active());
  EXPECT_FALSE(validation.Start(7)) << "it has been done";
  EXPECT_FALSE(validation.Start(6)) << "it is past";
  EXPECT_TRUE(validation.Start(8));
}

TEST(ValidationLeasesTest, AWorkerTakesHalfOfItsPartAtOnce) {
  ValidationLeases validation(40);
  ASSERT_TRUE(validation.Start(1));
  EXPECT_EQ(validation.Take(2), Chunks(0, 10));
  EXPECT_EQ(validation.Take(2), Chunks(10, 7));
  EXPECT_EQ(validation.Take(100), Chunks(17, 1));
}

TEST(ValidationLeasesTest, WhatComesBackIsLeasedAgain) {
  ValidationLeases validation(2);
  ASSERT_TRUE(validation.Start(1));
  const auto first = *validation.Take(2);
  const auto second = *validation.Take(2);
  EXPECT_EQ(validation.Take(2), std::nullopt);
  validation.GiveBack(first);
  validation.Done(second);
  EXPECT_TRUE(validation.active());
  EXPECT_EQ(validation.Take(2), first);
  validation.Done(first);
  EXPECT_FALSE(validation.active());
}

TEST(ValidationLeasesTest, APassThatStartsOverIsOfAllChunks) {
  ValidationLeases validation(3);
  ASSERT_TRUE(validation.Start(1));
  validation.Done(*validation.Take(1));
  validation.StartOver();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(validation.active());
    validation.Done(*validation.Take(1));
  }
  EXPECT_FALSE(validation.active());
  validation.StartOver();
  EXPECT_FALSE(validation.active()) << "it was over";
}

TEST(ValidationLeasesTest, WhatIsSkippedDoesNotBegin) {
  ValidationLeases validation(1);
  validation.SkipTo(0);
  validation.SkipTo(5);
  EXPECT_FALSE(validation.Start(4));
  ASSERT_TRUE(validation.Start(5));
  validation.SkipTo(9);
  EXPECT_TRUE(validation.active()) << "it has begun";
  EXPECT_EQ(validation.version(), 5u);
  validation.Done(*validation.Take(1));
  validation.SkipTo(3);
  EXPECT_FALSE(validation.Start(5));
  EXPECT_TRUE(validation.Start(6));
}

}  // namespace
}  // namespace hawser
