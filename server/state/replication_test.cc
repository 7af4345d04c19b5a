#include "server/state/replication.h"

#include <deque>
#include <optional>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace hawser {
namespace {

using Replica = Replication::Replica;
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
  replication.Adopt(Replica::kFilled);
  EXPECT_EQ(replication.Offer(0), Verdict::kWait);
  replication.Level();
  EXPECT_EQ(replication.Offer(0), Verdict::kSend);
  EXPECT_EQ(replication.Offer(0), Verdict::kWait);
  EXPECT_TRUE(replication.Answered(0));
  EXPECT_FALSE(replication.Answered(0));
}

TEST(ReplicationTest, AnAnswerFromBeforeIsNone) {
  Replication replication;
  replication.Adopt(Replica::kFilled);
  replication.Level();
  EXPECT_EQ(replication.Offer(3), Verdict::kSend);
  replication.Adopt(Replica::kFilled);
  EXPECT_FALSE(replication.Answered(3));
  EXPECT_EQ(replication.Offer(3), Verdict::kWait);
  replication.Adopt(Replica::kNone);
  EXPECT_EQ(replication.Offer(3), Verdict::kMake);
}

TEST(ReplicationTest, WhileAReplicaIsFilledUpdatesAreMadeUntilItIsLevel) {
  Replication replication;
  replication.Adopt(Replica::kFilling);
  EXPECT_FALSE(replication.is_needed());
  EXPECT_EQ(replication.Offer(4), Verdict::kMake);
  replication.Level();
  EXPECT_TRUE(replication.is_needed());
  EXPECT_EQ(replication.Offer(5), Verdict::kSend);
  EXPECT_EQ(replication.Offer(5), Verdict::kWait);
  EXPECT_TRUE(replication.Answered(5));
  // The fill is begun anew.
  EXPECT_EQ(replication.Offer(6), Verdict::kSend);
  replication.Adopt(Replica::kFilling);
  EXPECT_FALSE(replication.Answered(6));
  EXPECT_EQ(replication.Offer(6), Verdict::kMake);
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
    replication.Adopt(Replica::kFilled);
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
          replication.Adopt(Replica::kFilled);
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

// The same while the replica is filled: contents and updates come by two ways,
// and updates that come first are held back.
TEST(ReplicationTest, AFilledReplicaHasAllThatAnybodyWasTold) {
  for (uint32_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    Replication replication;
    replication.Adopt(Replica::kFilling);
    uint64_t block = 0;  // updates made
    std::optional<uint64_t> replica, contents;
    std::deque<uint64_t> sent, answers;
    for (int i = 0; i < 80; ++i) {
      switch (random() % 5) {
        case 0: {
          const Verdict verdict = replication.Offer(block);
          if (verdict == Verdict::kMake) {
            ASSERT_FALSE(contents.has_value()) << "the replica misses it";
            ++block;
          }
          if (verdict == Verdict::kSend) sent.push_back(block);
          break;
        }
        case 1:  // asked for its contents, for the first time or again
          if (replica.has_value()) break;
          contents = block;
          replication.Level();
          break;
        case 2:  // they come
          if (!contents.has_value() || random() % 2 == 0) break;
          if (!replica.has_value()) replica = *contents;
          break;
        case 3:
          if (sent.empty() || !replica.has_value()) break;
          if (sent.front() == *replica) ++*replica;
          ASSERT_LT(sent.front(), *replica);
          answers.push_back(sent.front());
          sent.pop_front();
          break;
        default:
          if (answers.empty()) break;
          if (replication.Answered(answers.front())) ++block;
          answers.pop_front();
          break;
      }
      if (replica.has_value()) {
        ASSERT_GE(*replica, block);
        ASSERT_LE(*replica, block + 1);
      }
    }
  }
}

}  // namespace
}  // namespace hawser
