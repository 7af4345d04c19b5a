#include "common/log/job_lines.h"

#include <string>

#include "gtest/gtest.h"

namespace hawser {
namespace {

TEST(JobLinesTest, LinesOfAJobWithItsStepAndNoOthers) {
  JobLines lines;
  LOG(INFO) << "of no job";
  {
    const LogContext context("mnist", 8);
    LOG(WARNING) << "it is late";
    LOG(INFO) << "it goes on";
  }
  const auto first = lines.Take(1);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].text, "it is late");
  EXPECT_EQ(first[0].severity, google::GLOG_WARNING);
  EXPECT_EQ(first[0].fields.job, "mnist");
  EXPECT_EQ(first[0].fields.step, 8u);
  EXPECT_EQ(lines.Take(10).size(), 1u);
  EXPECT_TRUE(lines.Take(10).empty());
}

TEST(JobLinesTest, WhatNobodyTakesIsLostFromTheFront) {
  JobLines lines;
  const LogContext context("mnist");
  for (size_t i = 0; i < JobLines::kMaxLines + 2; ++i) LOG(INFO) << i;
  LOG(INFO) << std::string(5000, 'x');
  const auto taken = lines.Take(2 * JobLines::kMaxLines);
  ASSERT_EQ(taken.size(), JobLines::kMaxLines);
  EXPECT_EQ(taken.front().text, "3");
  EXPECT_EQ(taken.back().text.size(), JobLines::kMaxLineBytes);
}

TEST(JobLinesTest, NothingIsCollectedAfterItsEnd) {
  { const JobLines lines; }
  const LogContext context("mnist");
  LOG(INFO) << "nobody listens";
  JobLines later;
  EXPECT_TRUE(later.Take(10).empty());
}

}  // namespace
}  // namespace hawser
