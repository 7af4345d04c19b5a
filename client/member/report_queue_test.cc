#include "client/member/report_queue.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace hawser {
namespace {

// Epochs of 10 steps, a sample each: what is told after `step` if all epochs
// before `first_epoch` have been told.
ReportRequest Steps(uint64_t first_epoch, uint64_t step,
                    uint64_t incarnation = 1) {
  ReportRequest report;
  report.set_job(5);
  report.set_incarnation(incarnation);
  StepsDone* steps = report.mutable_steps_done();
  steps->set_step(step);
  steps->set_first_epoch(first_epoch);
  steps->set_first_step(10 * (first_epoch - 1));
  for (uint64_t at = steps->first_step(); at < step; at += 10) {
    steps->add_per_epoch()->set_samples(std::min<uint64_t>(10, step - at));
  }
  return report;
}

ReportRequest Hashed(uint64_t step) {
  ReportRequest report;
  report.set_job(5);
  report.mutable_parameters_hashed()->set_step(step);
  return report;
}

TEST(ReportQueueTest, ReportsLeaveInTheOrderInWhichTheyCame) {
  ReportQueue queue;
  for (uint64_t step = 0; step < 10; ++step) queue.Push(Hashed(step));
  for (uint64_t step = 0; step < 10; ++step) {
    EXPECT_EQ(queue.Pop().parameters_hashed().step(), step);
  }
  EXPECT_TRUE(queue.empty());
}

TEST(ReportQueueTest, StepsThatWaitAreToldTogether) {
  ReportQueue queue;
  queue.Push(Hashed(1));
  for (uint64_t step = 1; step <= 95; ++step) {
    // An epoch that the last report has told whole is not told again.
    EXPECT_TRUE(queue.Push(Steps(1 + (step - 1) / 10, step)));
  }
  ASSERT_EQ(queue.size(), 2u);
  EXPECT_TRUE(queue.Pop().has_parameters_hashed());
  EXPECT_EQ(queue.Pop().SerializeAsString(), Steps(1, 95).SerializeAsString());
}

TEST(ReportQueueTest, WhatIsToldAgainTakesThePlaceOfWhatWaits) {
  ReportQueue queue;
  queue.Push(Steps(3, 25));
  queue.Push(Steps(1, 27));
  ASSERT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue.Pop().SerializeAsString(), Steps(1, 27).SerializeAsString());
}

TEST(ReportQueueTest, StepsOfAnotherIncarnationOrJobAreNotMixedIn) {
  ReportQueue queue;
  queue.Push(Steps(1, 5, /*incarnation=*/1));
  queue.Push(Steps(1, 7, /*incarnation=*/2));
  ReportRequest other = Steps(1, 9, /*incarnation=*/2);
  other.set_job(6);
  queue.Push(other);
  queue.Push(Steps(1, 8, /*incarnation=*/2));
  ASSERT_EQ(queue.size(), 3u);
  EXPECT_EQ(queue.Pop().steps_done().step(), 5u);
  EXPECT_EQ(queue.Pop().steps_done().step(), 8u);
  EXPECT_EQ(queue.Pop().steps_done().step(), 9u);
}

TEST(ReportQueueTest, EpochsBetweenThatAreMissingAreNotMadeUp) {
  ReportQueue queue;
  queue.Push(Steps(1, 5));
  queue.Push(Steps(3, 25));
  EXPECT_EQ(queue.size(), 2u);
}

TEST(ReportQueueTest, OfTooManyTheOldestIsLost) {
  ReportQueue queue;
  for (uint64_t step = 0; step < ReportQueue::kMaxReports; ++step) {
    EXPECT_TRUE(queue.Push(Hashed(step)));
  }
  EXPECT_FALSE(queue.Push(Hashed(ReportQueue::kMaxReports)));
  EXPECT_EQ(queue.size(), ReportQueue::kMaxReports);
  EXPECT_EQ(queue.Pop().parameters_hashed().step(), 1u);
}

}  // namespace
}  // namespace hawser
