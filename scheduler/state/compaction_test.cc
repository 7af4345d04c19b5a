#include "scheduler/state/compaction.h"

#include <set>

#include "gmock/gmock.h"
#include "scheduler/state/cluster_state_test_support.h"

namespace hawser {
namespace {

class CompactionTest : public ClusterStateTest {
 protected:
  // Of 4 steps each, with a checkpoint at the end of each, of which one is
  // kept.
  void RunEpochs(const std::string& name, uint64_t first, uint64_t last) {
    const uint64_t worker = PlanOf(name).workers(0).node();
    for (uint64_t epoch = first; epoch <= last; ++epoch) {
      ASSERT_TRUE(DoSteps(name, 4 * (epoch - 1), 4 * epoch).ok());
      ASSERT_TRUE(Validate(worker, name, 4 * epoch, 0, 2).ok());
      WriteCheckpoints(name, 4 * epoch);
    }
  }
  void StartLongJob(const std::string& name, uint64_t epochs) {
    JobSpec spec = Spec(name, 1, 1);
    spec.mutable_schedule()->set_epochs(epochs);
    spec.mutable_checkpoint()->set_keep_last(1);
    ASSERT_TRUE(Submit(spec).ok());
    StartJob(name);
  }
  void Drain(uint64_t node, bool undo) {
    DrainNodeRequest request;
    request.set_node(node);
    request.set_undo(undo);
    const auto event = state_.Drain(request, now_);
    ASSERT_TRUE(event.ok()) << event.status();
    Commit(*event);
  }
  size_t Count(JournalEvent::EventCase kind) const {
    return static_cast<size_t>(std::count_if(
        journal_.begin(), journal_.end(),
        [&](const auto& event) { return event.event_case() == kind; }));
  }
};

TEST_F(CompactionTest, ALongJobTakesNoMoreThanAShortOne) {
  Join(SERVER);
  Join(WORKER);
  StartLongJob("long", 5000);
  RunEpochs("long", 1, 1500);
  Compact();
  const size_t size = journal_.size();
  EXPECT_LT(size, JobProgress::kMaxEpochsKept + 20);
  RunEpochs("long", 1501, 3000);
  EXPECT_GT(journal_.size(), 3 * size);
  Compact();
  EXPECT_EQ(journal_.size(), size);
  const JobStatus before = Describe("long");
  Restart();
  EXPECT_EQ(Describe("long").epoch(), 3000);
  EXPECT_EQ(Describe("long").validation_before().samples(),
            before.validation_before().samples());
}

TEST_F(CompactionTest, PlansThatDifferInMembersAloneGo) {
  Join(SERVER);
  std::vector<uint64_t> workers = JoinAll(WORKER, 2);
  StartLongJob("busy", 5000);
  for (uint64_t epoch = 1; epoch <= 50; ++epoch) {
    RunEpochs("busy", epoch, epoch);
    // Its worker leaves, and the idle one takes over.
    Leave(PlanOf("busy").workers(0).node());
    Join(WORKER);
    AllReady("busy");
  }
  EXPECT_GT(Count(JournalEvent::kJobPlanned), 50);
  Compact();
  // While the data was opened, the first with blocks, and the last two.
  EXPECT_LE(Count(JournalEvent::kJobPlanned), 4);
  EXPECT_EQ(Count(JournalEvent::kCheckpointCommitted), 1);
  EXPECT_EQ(Count(JournalEvent::kCheckpointDropped), 1);
  EXPECT_EQ(Count(JournalEvent::kNumbersReserved), 1);
}

TEST_F(CompactionTest, ARollBackKeepsWhatItBeganFrom) {
  std::vector<uint64_t> servers = JoinAll(SERVER, 2);
  Join(WORKER);
  StartLongJob("back", 5000);
  RunEpochs("back", 1, 5);
  ASSERT_TRUE(DoSteps("back", 20, 22).ok());
  Leave(PlanOf("back").servers(0).node());
  ASSERT_EQ(PlanOf("back").restore().step(), 20);
  AllReady("back");
  RunEpochs("back", 6, 9);
  Compact();
  std::set<uint64_t> committed;
  for (const JournalEvent& event : journal_) {
    if (event.has_checkpoint_committed()) {
      committed.insert(event.checkpoint_committed().step());
    }
  }
  EXPECT_THAT(committed, testing::ElementsAre(20, 36));
  Restart();
  EXPECT_EQ(Describe("back").epoch(), 9);
}

TEST_F(CompactionTest, AJobThatRollsBackTimeAndAgainTakesNoMore) {
  Join(SERVER);
  Join(WORKER);
  StartLongJob("back", 5000);
  const auto lose_server = [&](uint64_t epoch) {
    // An epoch without a checkpoint, which is undone.
    ASSERT_TRUE(DoSteps("back", 4 * epoch, 4 * epoch + 4).ok());
    const uint64_t worker = PlanOf("back").workers(0).node();
    ASSERT_TRUE(Validate(worker, "back", 4 * epoch + 4, 0, 2).ok());
    Leave(PlanOf("back").servers(0).node());
    Join(SERVER);
    AllReady("back");
    ASSERT_EQ(PlanOf("back").restore().step(), 4 * epoch);
  };
  for (uint64_t epoch = 1; epoch <= 20; ++epoch) {
    RunEpochs("back", epoch, epoch);
    lose_server(epoch);
  }
  Compact();
  // While the data was opened, the first with blocks, and the last roll-back
  // with the plan after it.
  EXPECT_LE(Count(JournalEvent::kJobPlanned), 4);
  // Each epoch once, and the one that the last roll-back undoes again.
  EXPECT_EQ(Count(JournalEvent::kEpochFinished), 21);
  for (uint64_t epoch = 21; epoch <= 40; ++epoch) {
    RunEpochs("back", epoch, epoch);
    lose_server(epoch);
  }
  Compact();
  EXPECT_LE(Count(JournalEvent::kJobPlanned), 4);
  EXPECT_EQ(Count(JournalEvent::kEpochFinished), 41);
  const JobStatus before = Describe("back");
  Restart();
  EXPECT_EQ(Describe("back").epoch(), 40);
  EXPECT_EQ(Describe("back").epochs_done_size(), before.epochs_done_size());
}

TEST_F(CompactionTest, OfANodesDrainsTheLastStays) {
  const std::vector<uint64_t> servers = JoinAll(SERVER, 2);
  for (int i = 0; i < 3; ++i) {
    Drain(servers[0], /*undo=*/false);
    Drain(servers[0], /*undo=*/true);
    Drain(servers[1], /*undo=*/false);
  }
  Compact();
  EXPECT_EQ(Count(JournalEvent::kNodeDrained), 2);
}

TEST_F(CompactionTest, ForgottenJobsGoAndNoNumberIsUsedTwice) {
  JobSpec spec = Spec("x", 1, 1);
  for (size_t i = 0; i < ClusterState::kEndedJobs + 100; ++i) {
    spec.set_name(absl::StrCat("job-", i));
    ASSERT_TRUE(Submit(spec).ok());
    Cancel(spec.name());
  }
  const uint64_t used = Join(SERVER);
  Compact();
  // One more has ended since the last was forgotten.
  EXPECT_EQ(Count(JournalEvent::kJobAccepted), ClusterState::kEndedJobs + 1);
  Restart();
  EXPECT_GT(Join(SERVER), used);
}

TEST_F(CompactionTest, NothingIsLeftOutTwice) {
  Join(SERVER);
  Join(WORKER);
  StartLongJob("long", 5000);
  RunEpochs("long", 1, 20);
  Compact();
  const size_t size = journal_.size();
  Compact();
  EXPECT_EQ(journal_.size(), size);
}

}  // namespace
}  // namespace hawser
