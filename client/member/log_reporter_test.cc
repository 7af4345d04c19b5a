#include "client/member/log_reporter.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::ElementsAre;

// Answers when it is told to.
class FakeClient : public MemberLogClient {
 public:
  absl::StatusOr<AddLinesResponse> AddLines(
      const AddLinesRequest& request) override {
    absl::MutexLock lock(&mutex_);
    ++tries_;
    if (!status_.ok()) return status_;
    for (const MemberLine& line : request.lines()) lines_.push_back(line);
    return AddLinesResponse();
  }
  absl::StatusOr<GetLinesResponse> GetLines(const GetLinesRequest&) override {
    return GetLinesResponse();
  }

  void Answer(const absl::Status& status) {
    absl::MutexLock lock(&mutex_);
    status_ = status;
  }
  void AwaitTries(int tries) {
    absl::MutexLock lock(&mutex_);
    const auto enough = [this, tries]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return tries_ >= tries;
    };
    mutex_.Await(absl::Condition(&enough));
  }
  std::vector<std::string> texts() {
    absl::MutexLock lock(&mutex_);
    std::vector<std::string> texts;
    for (const MemberLine& line : lines_) texts.push_back(line.text());
    return texts;
  }
  MemberLine first() {
    absl::MutexLock lock(&mutex_);
    return lines_.front();
  }

 private:
  absl::Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  int tries_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<MemberLine> lines_ ABSL_GUARDED_BY(mutex_);
};

TEST(LogReporterTest, WhatIsLeftIsSentAtTheEnd) {
  FakeClient client;
  JobLines lines;
  {
    LogReporter reporter(&client, &lines, "worker", RealThreads());
    reporter.SetNode(7);
    const LogContext context("mnist", 8);
    LOG(WARNING) << "it is late";
  }
  EXPECT_THAT(client.texts(), ElementsAre("it is late"));
  const MemberLine line = client.first();
  EXPECT_EQ(line.source(), "worker 7");
  EXPECT_EQ(line.job(), "mnist");
  EXPECT_EQ(line.step(), 8u);
  EXPECT_EQ(line.level(), "warning");
  EXPECT_GT(line.unix_ms(), 0);
}

TEST(LogReporterTest, LinesWaitForASchedulerThatIsAway) {
  FakeClient client;
  client.Answer(absl::UnavailableError("away"));
  JobLines lines;
  {
    LogReporter reporter(&client, &lines, "worker", RealThreads());
    reporter.SetNode(7);
    const LogContext context("mnist");
    LOG(INFO) << "1";
    client.AwaitTries(1);
    LOG(INFO) << "2";
    client.Answer(absl::OkStatus());
    client.AwaitTries(3);
  }
  EXPECT_THAT(client.texts(), ElementsAre("1", "2"));
}

TEST(LogReporterTest, AProcessWithoutANumberSendsNothing) {
  FakeClient client;
  JobLines lines;
  {
    LogReporter reporter(&client, &lines, "worker", RealThreads());
    const LogContext context("mnist");
    LOG(INFO) << "1";
  }
  EXPECT_TRUE(client.texts().empty());
}

}  // namespace
}  // namespace hawser
