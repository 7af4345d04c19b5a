#include "tests/simulation/network.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/simulation/disk.h"

namespace hawser::simulation {
namespace {

class Idle : public Program {};

class OneThread : public Program {
 public:
  OneThread(Process* process, std::function<void()> body)
      : thread_(process->Start(std::move(body))) {}

 private:
  std::unique_ptr<Threads::Thread> thread_;
};

class NetworkTest : public testing::Test {
 protected:
  ~NetworkTest() override {
    if (network.has_value()) network->Close();
    caller.Crash();
    server.Crash();
    timeline.Clear();
  }
  void Start(const Network::Conditions& conditions) {
    network.emplace(world, conditions,
                    SeededRandom(1, SeededRandom::Purpose::kNetwork));
    server.Boot([] { return std::make_unique<Idle>(); });
  }
  // Calls once, with a deadline of 10 s.
  void Call(Network::Loss loss = Network::Loss::kReset) {
    caller.Boot([&] {
      return std::make_unique<OneThread>(&caller, [&, loss] {
        status = network->Call(&caller, &server, "Ask", absl::Seconds(10),
                               /*may_repeat=*/true, loss,
                               [this](std::shared_ptr<Network::Answer> answer) {
                                 ++served;
                                 if (keep) {
                                   kept.push_back(std::move(answer));
                                   return;
                                 }
                                 Network::Answer::Send(std::move(answer),
                                                       absl::OkStatus(),
                                                       [this] { ++taken; });
                               });
        answered_at = timeline.elapsed();
      });
    });
  }
  void RunUntil(absl::Duration time) {
    bool reached = false;
    timeline.After(time - timeline.elapsed(), [&] { reached = true; });
    while (!reached) ASSERT_TRUE(timeline.RunNext());
  }

  Timeline timeline;
  EventLog log{&timeline, nullptr};
  StackPool stacks;
  World world{&timeline, &log, &stacks};
  Process caller{world, 0, "caller"};
  Process server{world, 1, "server"};
  std::optional<Network> network;
  int served = 0, taken = 0;
  bool keep = false;
  std::vector<std::shared_ptr<Network::Answer>> kept;
  std::optional<absl::Status> status;
  absl::Duration answered_at;
};

TEST_F(NetworkTest, ACallTakesTwoDelays) {
  Start({.least_delay = absl::Seconds(1), .most_delay = absl::Seconds(1)});
  Call();
  RunUntil(absl::Seconds(3));
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(status->ok());
  EXPECT_EQ(answered_at, absl::Seconds(2));
  EXPECT_EQ(taken, 1);
}

TEST_F(NetworkTest, ARepeatedCallIsServedTwiceAndAnsweredOnce) {
  Start({.repeated = 1});
  Call();
  RunUntil(absl::Seconds(3));
  EXPECT_EQ(served, 2);
  EXPECT_EQ(taken, 1);
}

TEST_F(NetworkTest, ALostCallIsUnavailableSoon) {
  Start({.lost = 1});
  Call();
  RunUntil(absl::Seconds(3));
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(absl::IsUnavailable(*status));
  EXPECT_EQ(taken, 0);
}

TEST_F(NetworkTest, NobodyAtHomeIsUnavailableSoon) {
  Start({});
  server.Crash();
  Call();
  RunUntil(absl::Seconds(1));
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(absl::IsUnavailable(*status));
}

TEST_F(NetworkTest, ACrashOfTheServerResetsTheCall) {
  Start({});
  keep = true;
  Call();
  RunUntil(absl::Seconds(1));
  network->Crash(&server);
  kept.clear();
  RunUntil(absl::Seconds(2));
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(absl::IsUnavailable(*status));
}

TEST_F(NetworkTest, ACutHoldsACallUntilItIsHealed) {
  Start({});
  network->Cut(1, {0}, {1});
  EXPECT_FALSE(network->Reaches(caller, server));
  Call();
  RunUntil(absl::Seconds(5));
  EXPECT_EQ(served, 0);
  network->Heal(1);
  RunUntil(absl::Seconds(6));
  EXPECT_EQ(taken, 1);
}

TEST_F(NetworkTest, ACutThatLastsIsUnavailableAtTheDeadline) {
  Start({});
  network->Cut(1, {1}, {0});
  Call(Network::Loss::kResetOrDeadline);
  RunUntil(absl::Seconds(11));
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(absl::IsUnavailable(*status));
  EXPECT_EQ(answered_at, absl::Seconds(10));
}

// What is written to a slow disk is told to others when it is durable, and a
// crash before that loses it or keeps it, unsaid.
TEST_F(NetworkTest, NothingIsToldBeforeItIsDurable) {
  int lost = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Start({.least_delay = absl::ZeroDuration(),
           .most_delay = absl::ZeroDuration()});
    Disk disk(world, &server, absl::Seconds(2),
              SeededRandom(seed, SeededRandom::Purpose::kDisk));
    bool told = false;
    server.Post(timeline.now(), [&] {
      ASSERT_TRUE(disk.Append({JournalEvent()}).ok());
      network->Carry(&server, &caller, [&] { told = true; });
    });
    RunUntil(timeline.elapsed() + absl::Milliseconds(900));
    EXPECT_FALSE(told);
    disk.Crash();
    network->Crash(&server);
    RunUntil(timeline.elapsed() + absl::Seconds(5));
    EXPECT_FALSE(told);
    bool kept = false;
    ASSERT_TRUE(disk.Replay([&](const JournalEvent&) { kept = true; }).ok());
    if (!kept) ++lost;
  }
  EXPECT_GT(lost, 0);
  EXPECT_LT(lost, 20);
}

}  // namespace
}  // namespace hawser::simulation
