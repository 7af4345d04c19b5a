#include "common/security/access_log.h"

#include <cstdio>
#include <sstream>
#include <vector>

#include "common/files.h"
#include "common/manual_clock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using nlohmann::json;

std::vector<json> Lines(const std::string& path) {
  const auto text = ReadWholeFile(path, 1 << 20);
  EXPECT_TRUE(text.ok()) << text.status();
  std::vector<json> lines;
  std::istringstream stream(*text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(json::parse(line));
  }
  return lines;
}

class AccessLogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::remove(path_.c_str());
    std::remove((path_ + ".1").c_str());
  }
  std::unique_ptr<AccessLog> Open(
      int64_t limit = AccessLog::kDefaultLimitBytes) {
    auto log = AccessLog::Open(path_, &clock_, limit);
    EXPECT_TRUE(log.ok()) << log.status();
    return *std::move(log);
  }
  const std::string path_ = testing::TempDir() + "/access_log_test";
  ManualClock clock_;
};

TEST_F(AccessLogTest, ALineSaysWhoDidWhat) {
  AccessEntry entry;
  entry.who = "ann";
  entry.role = "submit";
  entry.peer = "ipv4:10.1.2.3:4711";
  entry.method = "/hawser.Scheduler/CancelJob";
  entry.job = "mnist";
  entry.result = absl::NotFoundError("no job \"mnist\"\n\xff");
  Open()->Record(entry);
  entry = {};
  entry.method = "/hawser.Scheduler/Register";
  entry.node = 7;
  Open()->Record(entry);  // what was there stays
  const auto lines = Lines(path_);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], json::parse(R"({"time": "2027-01-15T08:00:00.000Z",
      "who": "ann", "role": "submit", "peer": "ipv4:10.1.2.3:4711",
      "method": "/hawser.Scheduler/CancelJob", "job": "mnist",
      "result": "NOT_FOUND", "message": "no job \"mnist\"\n\ufffd"})"));
  EXPECT_EQ(lines[1], json::parse(R"({"time": "2027-01-15T08:00:00.000Z",
      "method": "/hawser.Scheduler/Register", "node": 7, "result": "OK"})"));
}

TEST_F(AccessLogTest, AFloodOfRefusalsIsCounted) {
  const auto log = Open();
  AccessEntry entry;
  entry.method = "/x";
  entry.result = absl::UnauthenticatedError("no token");
  for (int i = 0; i < 100000; ++i) log->RecordRefusal(entry);
  EXPECT_EQ(Lines(path_).size(), RefusalBudget::kMost);
  // Half a second later there is room for one more.
  clock_.Advance(absl::Milliseconds(500));
  for (int i = 0; i < 10; ++i) log->RecordRefusal(entry);
  auto lines = Lines(path_);
  ASSERT_EQ(lines.size(), RefusalBudget::kMost + 1);
  EXPECT_EQ(lines.back()["refused"], true);
  EXPECT_EQ(lines.back()["refusals_not_written"],
            100000 - RefusalBudget::kMost);
  // What changes something is written in any case.
  log->Record({});
  lines = Lines(path_);
  ASSERT_EQ(lines.size(), RefusalBudget::kMost + 2);
  EXPECT_EQ(lines.back()["refusals_not_written"], 9);
  EXPECT_FALSE(lines.back().contains("refused"));
}

TEST_F(AccessLogTest, OfAClockThatIsSetBackNothingIsGained) {
  RefusalBudget budget;
  const absl::Time now = clock_.Now();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(budget.Take(now));
  EXPECT_FALSE(budget.Take(now));
  EXPECT_FALSE(budget.Take(now - absl::Hours(1)));
  EXPECT_EQ(budget.TakeSuppressed(), 2u);
}

TEST_F(AccessLogTest, TheFileHasALimitAndWhatWasBefore) {
  const auto log = Open(2000);
  AccessEntry entry;
  entry.who = std::string(100000, 'a');  // shortened
  for (int i = 0; i < 10; ++i) {
    entry.node = 1 + static_cast<uint64_t>(i);
    log->Record(entry);
  }
  const auto now = Lines(path_);
  const auto before = Lines(path_ + ".1");
  ASSERT_FALSE(now.empty());
  ASSERT_FALSE(before.empty());
  EXPECT_EQ(now.back()["node"], 10);
  EXPECT_EQ(now.front()["node"].get<int>(),
            before.back()["node"].get<int>() + 1);
  EXPECT_LE(ReadWholeFile(path_, 1 << 20)->size(), 2000u);
}

TEST_F(AccessLogTest, AFileThatCannotBeIsAnErrorAtOnce) {
  EXPECT_EQ(AccessLog::Open("/proc/none/access.log", &clock_).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace hawser
