#include "tests/simulation/process.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "gtest/gtest.h"

namespace hawser::simulation {
namespace {

// A program of one thread that runs `body`, and may be told to stop.
class OneThread : public Program {
 public:
  OneThread(Process* process, std::function<void()> body)
      : thread_(process->Start(std::move(body))) {}

 private:
  std::unique_ptr<Threads::Thread> thread_;
};

class ProcessTest : public testing::Test {
 protected:
  void Boot(std::function<void()> body) {
    process.Boot(
        [&] { return std::make_unique<OneThread>(&process, std::move(body)); });
  }
  void RunUntil(double seconds) {
    bool reached = false;
    timeline.At(start + absl::Seconds(seconds), [&] { reached = true; });
    while (!reached) ASSERT_TRUE(timeline.RunNext());
  }
  double Seconds() { return absl::ToDoubleSeconds(timeline.now() - start); }

  Timeline timeline;
  const absl::Time start = timeline.now();
  EventLog log{&timeline, nullptr};
  StackPool stacks;
  Process process{{&timeline, &log, &stacks}, 0, "p"};
};

TEST_F(ProcessTest, WaitsByVirtualTime) {
  std::string order;
  Boot([&] {
    process.Sleep(absl::Seconds(2));
    order += "slept";
    EXPECT_EQ(Seconds(), 2);
  });
  RunUntil(1);
  EXPECT_EQ(order, "");
  RunUntil(3);
  EXPECT_EQ(order, "slept");
}

TEST_F(ProcessTest, AConditionIsSeenAfterATaskOfItsProcess) {
  absl::Mutex mutex;
  bool flag = false;
  std::optional<bool> in_time;
  Boot([&] {
    const absl::MutexLock lock(&mutex);
    in_time =
        process.AwaitFor(&mutex, absl::Condition(&flag), absl::Seconds(5));
    mutex.AssertHeld();
  });
  process.Post(start + absl::Seconds(1), [&] {
    const absl::MutexLock lock(&mutex);
    flag = true;
  });
  RunUntil(2);
  EXPECT_EQ(in_time, true);
}

TEST_F(ProcessTest, AWaitEndsInTime) {
  absl::Mutex mutex;
  bool flag = false;
  std::optional<bool> in_time;
  Boot([&] {
    const absl::MutexLock lock(&mutex);
    in_time =
        process.AwaitFor(&mutex, absl::Condition(&flag), absl::Seconds(5));
    EXPECT_EQ(Seconds(), 5);
  });
  RunUntil(6);
  EXPECT_EQ(in_time, false);
}

TEST_F(ProcessTest, ACrashUnlocksUnwindsAndForgets) {
  const auto held = std::make_shared<int>(0);
  absl::Mutex mutex;
  Boot([&, held] {
    const absl::MutexLock lock(&mutex);
    const auto inner = process.Start([&, held] {
      process.Sleep(absl::InfiniteDuration());
      FAIL();
    });
    const bool never = false;
    process.Await(&mutex, absl::Condition(&never));
    FAIL();
  });
  RunUntil(1);
  process.Post(start + absl::Seconds(2), [] { FAIL(); });
  process.Crash();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_TRUE(mutex.TryLock());
  mutex.Unlock();
  RunUntil(3);
}

TEST_F(ProcessTest, ACrashInsideOfAJoiningDestructor) {
  Boot([&] {
    {
      const auto inner =
          process.Start([&] { process.Sleep(absl::InfiniteDuration()); });
    }  // waits here
    process.Sleep(absl::Seconds(1));
    FAIL();
  });
  RunUntil(1);
  process.Crash();
  RunUntil(3);
}

TEST_F(ProcessTest, APauseHoldsBackWhatComes) {
  double slept_till = 0, posted_at = 0;
  Boot([&] {
    process.Sleep(absl::Seconds(1));
    slept_till = Seconds();
  });
  process.Post(start + absl::Seconds(2), [&] { posted_at = Seconds(); });
  process.Pause();
  RunUntil(5);
  EXPECT_EQ(slept_till, 0);
  process.Continue();
  EXPECT_EQ(slept_till, 5);
  EXPECT_EQ(posted_at, 5);
}

TEST_F(ProcessTest, WhatComesWhileItIsBusyWaits) {
  double done_at = 0;
  Boot([] {});
  process.Post(start + absl::Seconds(1),
               [&] { process.StayBusy(absl::Seconds(3)); });
  process.Post(start + absl::Seconds(2), [&] { done_at = Seconds(); });
  RunUntil(6);
  EXPECT_EQ(done_at, 4);
}

TEST_F(ProcessTest, ItsClockMayBeWrong) {
  Boot([] {});
  process.JumpClock(absl::Seconds(10));
  EXPECT_EQ(process.Now() - start, absl::Seconds(10));
  process.SetClockRate(0.5);
  RunUntil(4);
  EXPECT_EQ(process.Now() - start, absl::Seconds(12));
  process.SetClockRate(1);
  RunUntil(5);
  EXPECT_EQ(process.Now() - start, absl::Seconds(13));
}

TEST_F(ProcessTest, ASlowClockWaitsLonger) {
  double slept_till = 0;
  process.SetClockRate(0.5);
  Boot([&] {
    process.Sleep(absl::Seconds(1));
    slept_till = Seconds();
  });
  RunUntil(5);
  EXPECT_EQ(slept_till, 2);
}

}  // namespace
}  // namespace hawser::simulation
