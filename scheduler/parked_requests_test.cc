#include "scheduler/parked_requests.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const absl::Time kStart = absl::FromUnixSeconds(1000);

class ParkedRequestsTest : public testing::Test {
 protected:
  void Park(const std::string& name, uint64_t subject, absl::Duration wait) {
    parked_.Park({subject,
                  [this, name](bool last_call, absl::Status*) {
                    return last_call || ready_.count(name) != 0;
                  },
                  [this, name](absl::Status) { answered_.push_back(name); }},
                 kStart + wait);
  }
  std::vector<std::string> Collect(const std::set<uint64_t>& news,
                                   absl::Duration time) {
    answered_.clear();
    for (auto& [done, status] : parked_.Collect(news, kStart + time)) {
      done(status);
    }
    return answered_;
  }

  ParkedRequests parked_;
  std::set<std::string> ready_;
  std::vector<std::string> answered_;
};

TEST_F(ParkedRequestsTest, NewsAndDeadlinesLeadToThoseTheyConcern) {
  Park("a", 1, absl::Seconds(9));
  Park("b", 2, absl::Seconds(5));
  Park("c", 1, absl::Seconds(7));
  EXPECT_EQ(parked_.NextDeadline(), kStart + absl::Seconds(5));
  ready_ = {"b", "c"};
  EXPECT_THAT(Collect({1}, absl::Seconds(1)), ElementsAre("c"));
  EXPECT_THAT(Collect({1, 3}, absl::Seconds(4)), IsEmpty());
  ready_.clear();
  EXPECT_THAT(Collect({}, absl::Seconds(5)), ElementsAre("b"));
  EXPECT_THAT(Collect({1}, absl::Seconds(9)), ElementsAre("a"));
  EXPECT_EQ(parked_.size(), 0);
  EXPECT_EQ(parked_.NextDeadline(), absl::InfiniteFuture());
}

TEST_F(ParkedRequestsTest, AnswersComeInOrderOfParking) {
  Park("a", 9, absl::Seconds(3));
  Park("b", 5, absl::Seconds(1));
  Park("c", 7, absl::Seconds(2));
  ready_ = {"c"};
  EXPECT_THAT(Collect({7}, absl::Seconds(3)), ElementsAre("a", "b", "c"));
}

TEST_F(ParkedRequestsTest, NobodyElseIsAsked) {
  for (uint64_t i = 0; i < 1000; ++i) Park("x", i, absl::Seconds(10));
  Park("last", 1000, absl::Seconds(1));
  Collect({17, 18}, absl::ZeroDuration());
  Collect({}, absl::Seconds(1));
  EXPECT_EQ(parked_.asked(), 3);
}

TEST_F(ParkedRequestsTest, AllCanBeTaken) {
  Park("a", 1, absl::Seconds(1));
  Park("b", 2, absl::Seconds(1));
  EXPECT_EQ(parked_.TakeAll().size(), 2);
  EXPECT_THAT(Collect({1, 2}, absl::Seconds(2)), IsEmpty());
}

}  // namespace
}  // namespace hawser
