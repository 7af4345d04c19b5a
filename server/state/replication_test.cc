#include "server/state/replication.h"

#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace hawser {
namespace {

using Verdict = Replication::Verdict;

TEST(ReplicationTest, WithoutAReplicaUpdatesAreMadeAtOnce) {
  Replication replication;
  EXPECT_EQ(replication.Offer(0), Verdict::kMake);
  replication.Level();
  EXPECT_EQ(replication.Offer(1), Verdict::kMake);
  EXPECT_FALSE(replication.Answered(1));
}

TEST(ReplicationTest, NothingIsSentBeforeTheReplicaIsLevel) {
  Replication replication;
  replication.Adopt(true);
  EXPECT_EQ(replication.Offer(0), Verdict::kWait);
  replication.Level();
  EXPECT_EQ(replication.Offer(0), Verdict::kSend);
  EXPECT_EQ(replication.Offer(0), Verdict::kWait);
  EXPECT_TRUE(replication.Answered(0));
  EXPECT_FALSE(replication.Answered(0));
}

TEST(ReplicationTest, AnAnswerFromBeforeIsNone) {
  Replication replication;
  replication.Adopt(true);
  replication.Level();
  EXPECT_EQ(replication.Offer(3), Verdict::kSend);
  replication.Adopt(true);
  EXPECT_FALSE(replication.Answered(3));
  EXPECT_EQ(replication.Offer(3), Verdict::kWait);
  replication.Adopt(false);
  EXPECT_EQ(replication.Offer(3), Verdict::kMake);
}

// A block and its replica, as lists of the updates they have made; frames to
// the replica that may be repeated, and incarnations that change at any moment,
// by which either may be lost.
TEST(ReplicationTest, TheReplicaHasAllThatAnybodyWasTold) {
  for (uint32_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    Replication replication;
    std::vector<uint64_t> block, replica;
    std::deque<uint64_t> sent, answers;
    uint64_t arrived = 0;  // updates that have come in
    replication.Adopt(true);
    for (int i = 0; i < 60; ++i) {
      switch (random() % 5) {
        case 0:
          ++arrived;
          break;
        case 1:  // the next that has come is offered
          for (uint64_t n = block.size(); n < arrived; ++n) {
            const Verdict verdict = replication.Offer(n);
            ASSERT_NE(verdict, Verdict::kMake);
            if (verdict == Verdict::kSend) sent.push_back(n);
          }
          break;
        case 2:
          if (sent.empty()) break;
          if (sent.front() == replica.size()) replica.push_back(sent.front());
          ASSERT_LT(sent.front(), replica.size());
          answers.push_back(sent.front());
          sent.pop_front();
          break;
        case 3:
          if (answers.empty()) break;
          if (replication.Answered(answers.front())) {
            block.push_back(answers.front());
          }
          answers.pop_front();
          break;
        default:
          if (random() % 3 != 0) break;
          sent.clear();
          answers.clear();
          replication.Adopt(true);
          if (random() % 2 == 0) {
            block = replica;  // it takes over, and gets a new one
          } else {
            replica = block;
          }
          replication.Level();
          break;
      }
      ASSERT_GE(replica.size(), block.size());
      for (size_t n = 0; n < replica.size(); ++n) ASSERT_EQ(replica[n], n);
      for (size_t n = 0; n < block.size(); ++n) ASSERT_EQ(block[n], n);
    }
  }
}

}  // namespace
}  // namespace hawser
