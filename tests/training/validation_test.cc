// Validation after each epoch, when those who were to do it are lost at the
// worst moment: a job without all of it never ends.
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/training/tiny_cluster.h"

namespace hawser {
namespace {

constexpr uint64_t kEpochs = 6;  // of 6 steps
constexpr uint64_t kAda = kFirstWorker;
constexpr uint64_t kBob = kFirstWorker + 1;

void ExpectAllIsValidated(Cluster* cluster) {
  EXPECT_EQ(cluster->AwaitTrained(kEpochs * kTraining), kEpochs * kTraining);
  EXPECT_EQ(cluster->AwaitHash().size(), 64u);
  const auto validated = cluster->validated();
  for (uint64_t epoch = 1; epoch <= kEpochs; ++epoch) {
    EXPECT_EQ(validated.count(6 * epoch), 1u) << epoch;
  }
}

// The step after an epoch is complete, as some workers had pushed their parts
// before others were lost; nobody is left who has validated.
TEST(ValidationTest, IsFinishedAlthoughTheNextStepIsMade) {
  Cluster cluster(2);
  Plan plan = MakePlan(2, {kAda}, 1);
  cluster.Adopt(plan);
  cluster.RefuseValidation(true);
  EXPECT_EQ(Worker(&cluster, plan, kAda).Join().code(),
            absl::StatusCode::kAborted);
  ASSERT_EQ(cluster.Step(plan), 6u);
  ParameterClient bob(plan, kBob, cluster.Channels(), RealThreads());
  const std::vector<float> gradient(plan.parameters(), 0.1f);
  ASSERT_TRUE(
      bob.Push(6, {2, 0}, gradient.data(), {0, 0, 8}, /*want_acks=*/true).ok());
  ASSERT_TRUE(bob.AwaitAcks().ok());
  ASSERT_EQ(cluster.Step(plan), 7u);
  cluster.RefuseValidation(false);
  plan.set_incarnation(2);
  cluster.Adopt(plan);
  EXPECT_TRUE(Worker(&cluster, plan, kAda).Join().ok());
  ExpectAllIsValidated(&cluster);
}

}  // namespace
}  // namespace hawser
