#include "tests/simulation/fiber.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace hawser::simulation {
namespace {

TEST(FiberTest, RunsInTurns) {
  StackPool stacks;
  std::string order;
  Fiber a(
      [&] {
        order += "a";
        Fiber::Park();
        order += "A";
      },
      &stacks);
  Fiber b(
      [&] {
        order += "b";
        Fiber::Park();
        order += "B";
      },
      &stacks);
  a.Resume();
  b.Resume();
  EXPECT_EQ(Fiber::Current(), nullptr);
  b.Resume();
  EXPECT_TRUE(b.finished());
  EXPECT_FALSE(a.finished());
  a.Resume();
  EXPECT_TRUE(a.finished());
  EXPECT_EQ(order, "abBA");
}

TEST(FiberTest, KillUnwindsTheStack) {
  StackPool stacks;
  const auto held = std::make_shared<int>(1);
  bool after = false;
  Fiber fiber(
      [&, held] {
        const std::vector<std::shared_ptr<int>> local(10, held);
        Fiber::Park();
        after = true;
      },
      &stacks);
  fiber.Resume();
  EXPECT_EQ(held.use_count(), 12);
  fiber.Kill();
  EXPECT_TRUE(fiber.finished());
  EXPECT_FALSE(after);
  EXPECT_EQ(held.use_count(), 1);
  fiber.Kill();  // changes nothing
}

TEST(FiberTest, OneThatHasNotBegunDoesNot) {
  StackPool stacks;
  Fiber fiber([] { FAIL(); }, &stacks);
  fiber.Kill();
  EXPECT_TRUE(fiber.finished());
}

// A destructor that waits while its fiber is killed.
struct ParksInDestructor {
  ~ParksInDestructor() { Fiber::Park(); }
};

TEST(FiberTest, ADestructorOfAKilledFiberDoesNotWait) {
  StackPool stacks;
  Fiber fiber(
      [] {
        const ParksInDestructor parks;
        Fiber::Park();
      },
      &stacks);
  fiber.Resume();
  fiber.Kill();
  EXPECT_TRUE(fiber.finished());
}

TEST(FiberTest, OneMayKillAnotherWhileItUnwinds) {
  StackPool stacks;
  Fiber other([] { Fiber::Park(); }, &stacks);
  struct Killer {
    Fiber* victim;
    ~Killer() { victim->Kill(); }
  };
  Fiber fiber(
      [&] {
        const Killer killer{&other};
        other.Resume();
        Fiber::Park();
      },
      &stacks);
  fiber.Resume();
  fiber.Kill();
  EXPECT_TRUE(other.finished());
}

TEST(FiberTest, StacksAreUsedAgain) {
  StackPool stacks;
  char* first = stacks.Take();
  stacks.Return(first);
  for (int i = 0; i < 100; ++i) {
    Fiber fiber([] { Fiber::Park(); }, &stacks);
    fiber.Resume();
    fiber.Resume();
  }
  EXPECT_EQ(stacks.Take(), first);
  stacks.Return(first);
}

}  // namespace
}  // namespace hawser::simulation
