#include "scheduler/state/checkpoint_list.h"

#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace hawser {
namespace {

using Kept = CheckpointList::Kept;

CheckpointSpec Policy(uint32_t keep_last, uint64_t keep_every_steps) {
  CheckpointSpec policy;
  policy.set_keep_last(keep_last);
  policy.set_keep_every_steps(keep_every_steps);
  return policy;
}

void Commit(uint64_t step, CheckpointList* list) {
  CheckpointCommitted event;
  event.set_step(step);
  for (const uint64_t bytes : {30, 12}) event.add_files()->set_bytes(bytes);
  list->Commit(event, absl::FromUnixSeconds(static_cast<int64_t>(step)));
}

bool Nobody(uint64_t) { return false; }

// What is left when all that may go has gone.
std::vector<uint64_t> Left(CheckpointList list, const CheckpointSpec& policy,
                           const std::set<uint64_t>& held = {}) {
  const auto is_held = [&](uint64_t step) { return held.count(step) != 0; };
  while (const auto surplus = list.Surplus(policy, is_held)) {
    list.Drop(*surplus);
  }
  std::vector<uint64_t> steps;
  for (const auto& [step, checkpoint] : list.all()) steps.push_back(step);
  return steps;
}

TEST(CheckpointListTest, KnowsTheLastTwo) {
  CheckpointList list;
  EXPECT_EQ(list.Newest(), nullptr);
  Commit(5, &list);
  EXPECT_EQ(list.Newest()->event.step(), 5u);
  EXPECT_EQ(list.BeforeNewest(), nullptr);
  Commit(9, &list);
  EXPECT_EQ(list.Newest()->event.step(), 9u);
  EXPECT_EQ(list.BeforeNewest()->event.step(), 5u);
  EXPECT_EQ(list.Newest()->bytes, 42u);
  EXPECT_EQ(list.Newest()->files, 2u);
  EXPECT_EQ(list.Newest()->event.files_size(), 0);
  EXPECT_EQ(list.Newest()->committed, absl::FromUnixSeconds(9));
  list.Drop(7);
  list.Drop(9);
  EXPECT_EQ(list.Newest()->event.step(), 5u);
  EXPECT_EQ(list.Find(9), nullptr);
}

TEST(CheckpointListTest, ThePolicySaysWhatStays) {
  CheckpointList list;
  for (uint64_t step = 10; step <= 90; step += 10) Commit(step, &list);
  const std::vector<uint64_t> all = {10, 20, 30, 40, 50, 60, 70, 80, 90};
  EXPECT_EQ(Left(list, Policy(0, 0)), all);
  EXPECT_EQ(Left(list, Policy(0, 40)), all);
  EXPECT_EQ(Left(list, Policy(1, 0)), (std::vector<uint64_t>{90}));
  EXPECT_EQ(Left(list, Policy(2, 40)), (std::vector<uint64_t>{40, 80, 90}));
  EXPECT_EQ(Left(list, Policy(9, 0)), all);
  EXPECT_EQ(Left(list, Policy(100, 0)), all);
  EXPECT_EQ(Left(list, Policy(1, 0), {10, 50}),
            (std::vector<uint64_t>{10, 50, 90}));
}

TEST(CheckpointListTest, ThePolicySaysWhyItStays) {
  CheckpointList list;
  for (const uint64_t step : {10, 20, 30, 40}) Commit(step, &list);
  EXPECT_EQ(list.WhyKept(40, Policy(2, 0)), Kept::kNewest);
  EXPECT_EQ(list.WhyKept(30, Policy(2, 0)), Kept::kLast);
  EXPECT_EQ(list.WhyKept(20, Policy(2, 20)), Kept::kMultiple);
  EXPECT_EQ(list.WhyKept(10, Policy(2, 20)), Kept::kNot);
  EXPECT_EQ(list.WhyKept(10, Policy(0, 0)), Kept::kAll);
  EXPECT_EQ(list.WhyKept(11, Policy(0, 0)), Kept::kNot);
}

TEST(CheckpointListTest, TheOldestGoFirst) {
  CheckpointList list;
  for (const uint64_t step : {10, 20, 30}) Commit(step, &list);
  EXPECT_EQ(list.Surplus(Policy(1, 0), Nobody), 10u);
  list.Drop(10);
  EXPECT_EQ(list.Surplus(Policy(1, 0), Nobody), 20u);
  list.Drop(20);
  EXPECT_FALSE(list.Surplus(Policy(1, 0), Nobody).has_value());
}

TEST(CheckpointListTest, RemembersSoManyAndNoMore) {
  CheckpointList list;
  for (uint64_t step = 1; step <= CheckpointList::kMost + 2; ++step) {
    Commit(step, &list);
  }
  EXPECT_EQ(list.all().size(), CheckpointList::kMost);
  EXPECT_EQ(list.all().begin()->first, 3u);
}

}  // namespace
}  // namespace hawser
