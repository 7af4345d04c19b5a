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
  bob.Push({.step = 6,
            .tree_node = {2, 0},
            .gradient = gradient.data(),
            .sums = {0, 0, 8},
            .want_acks = true});
  ASSERT_TRUE(bob.AwaitAcks().ok());
  ASSERT_EQ(cluster.Step(plan), 7u);
  cluster.RefuseValidation(false);
  plan.set_incarnation(2);
  cluster.Adopt(plan);
  EXPECT_TRUE(Worker(&cluster, plan, kAda).Join().ok());
  ExpectAllIsValidated(&cluster);
}

// The same before the first step, in a job that starts `from` something.
TEST(ValidationTest, BeforeTheFirstStepIsFinishedAlthoughItIsMade) {
  Cluster cluster(2);
  Plan plan = MakePlan(2, {kAda}, 1);
  plan.mutable_spec()->mutable_from();
  cluster.Adopt(plan);
  cluster.RefuseValidation(true);
  EXPECT_EQ(Worker(&cluster, plan, kAda).Join().code(),
            absl::StatusCode::kAborted);
  ASSERT_EQ(cluster.Step(plan), 0u);
  {
    ParameterClient bob(plan, kBob, cluster.Channels(), RealThreads());
    const std::vector<float> gradient(plan.parameters(), 0.1f);
    bob.Push({.step = 0,
              .tree_node = {2, 0},
              .gradient = gradient.data(),
              .sums = {0, 0, 8},
              .want_acks = true});
    ASSERT_TRUE(bob.AwaitAcks().ok());
  }
  ASSERT_EQ(cluster.Step(plan), 1u);
  cluster.RefuseValidation(false);
  plan.set_incarnation(2);
  cluster.Adopt(plan);
  EXPECT_TRUE(Worker(&cluster, plan, kAda).Join().ok());
  ExpectAllIsValidated(&cluster);
  EXPECT_EQ(cluster.validated()[0], static_cast<uint64_t>(kValidation));
}

TEST(ValidationTest, IsNotBeforeTheFirstStepOfAJobThatStartsAtRandom) {
  Cluster cluster(2);
  const Plan plan = MakePlan(2, {kAda}, 1);
  cluster.Adopt(plan);
  EXPECT_TRUE(Worker(&cluster, plan, kAda).Join().ok());
  ExpectAllIsValidated(&cluster);
  EXPECT_EQ(cluster.validated().count(0), 0u);
}

// Pushes are applied on arrival until the middle of an epoch, then each worker
// has its own micro-batches.
Plan TwoPhases(const std::vector<uint64_t>& workers, uint64_t incarnation) {
  Plan plan = MakePlan(2, workers, incarnation, RANDOM,
                       "synchronisation { mode: ASYNCHRONOUS }");
  Phase* phase = plan.add_phases();
  phase->set_from_step(14);
  phase->mutable_synchronisation()->set_mode(SYNCHRONOUS);
  plan.set_total_steps(StepSchedule(plan).total_steps());
  return plan;
}

// A worker that does what it is told when the test says so.
class WorkerByHand {
 public:
  // samples: of its micro-batches in a step, and in an epoch's last.
  WorkerByHand(Cluster* cluster, const Plan& plan, uint64_t node,
               int64_t samples, int64_t in_last)
      : client_(plan, node, cluster->Channels(), RealThreads()),
        samples_(samples),
        in_last_(in_last),
        gradient_(plan.parameters(), 0.01f) {
    LeaseRequest request;
    request.set_attempt(1);
    request.set_first(true);
    client_.RequestLease(request);
  }

  Lease Next() {
    const auto lease = client_.AwaitLease();
    EXPECT_TRUE(lease.ok()) << lease.status();
    return lease.value_or(Lease());
  }
  // That it is done; asks for the next.
  void Report(const Lease& lease) {
    LeaseRequest request;
    request.set_attempt(1);
    request.set_lease(lease.number());
    request.set_done(lease.has_run() ? lease.run().run() : 1);
    client_.RequestLease(request);
  }
  // Its micro-batches of the steps [first, last), which must come next.
  void Train(uint64_t first, uint64_t last) {
    for (uint64_t step = first; step < last; ++step) {
      const Lease lease = Next();
      ASSERT_TRUE(lease.has_run()) << lease.ShortDebugString();
      ASSERT_EQ(lease.run().position() / 4, step);
      const int64_t samples = step % 6 == 5 ? in_last_ : samples_;
      client_.PushRun({.position = lease.run().position(),
                       .run = lease.run().run(),
                       .clock = lease.run().clock(),
                       .gradient = gradient_.data(),
                       .sums = {0, 0, samples}});
      ASSERT_TRUE(client_.AwaitAcks().ok());
      Report(lease);
    }
  }

 private:
  ParameterClient client_;
  const int64_t samples_;
  const int64_t in_last_;
  const std::vector<float> gradient_;
};

// A worker is lost that validates an epoch of a phase in which pushes are
// applied on arrival, when all else of that phase is done and every block is in
// the next, in which nobody leases anything.
TEST(ValidationTest, OfAnEarlierPhaseIsFinishedBeforeTheNext) {
  Cluster cluster(2);
  const Plan plan = TwoPhases({kAda, kBob}, 1);
  cluster.Adopt(plan);
  {
    // Ada is first when there is something to validate: her work is done.
    WorkerByHand ada(&cluster, plan, kAda, 4, 2);
    ada.Train(0, 14);
    WorkerByHand bob(&cluster, plan, kBob, 4, 3);
    bob.Train(0, 6);
    const Lease first = ada.Next();
    ASSERT_EQ(first.validation().step(), 6u) << first.ShortDebugString();
    ReportRequest report;
    report.mutable_validation_done()->set_step(6);
    report.mutable_validation_done()->mutable_metrics()->set_samples(
        kValidation);
    ASSERT_TRUE(cluster.Note(report).ok());
    ada.Report(first);
    bob.Train(6, 12);
    const Lease second = ada.Next();
    ASSERT_EQ(second.validation().step(), 12u) << second.ShortDebugString();
    bob.Train(12, 14);
  }
  EXPECT_EQ(cluster.Step(plan), 13u) << "who begins anew must come here first";
  const Plan without_bob = TwoPhases({kAda}, 2);
  cluster.Adopt(without_bob);
  EXPECT_TRUE(Worker(&cluster, without_bob, kAda).Join().ok());
  ExpectAllIsValidated(&cluster);
  for (const auto& [step, samples] : cluster.validated()) {
    EXPECT_EQ(samples, static_cast<uint64_t>(kValidation)) << step;
  }
}

}  // namespace
}  // namespace hawser
