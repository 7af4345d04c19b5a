#include "common/log/json_log.h"

#include <thread>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

LogEntry Entry() {
  LogEntry entry;
  entry.time = absl::FromUnixMicros(1'700'000'000'000'001);
  entry.role = "worker";
  entry.source = "a.cc:7";
  entry.message = "hello";
  return entry;
}

TEST(JsonLineTest, WhatIsNotKnownIsLeftOut) {
  EXPECT_EQ(JsonLine(Entry()),
            R"({"time":"2023-11-14T22:13:20.000001Z","level":"info",)"
            R"("role":"worker","source":"a.cc:7","message":"hello"})");
}

TEST(JsonLineTest, JobNodeAndStepAreFieldsOfTheirOwn) {
  LogEntry entry = Entry();
  entry.severity = google::GLOG_WARNING;
  entry.node = 7;
  entry.fields = {"mnist", 412};
  const auto json = nlohmann::json::parse(JsonLine(entry));
  EXPECT_EQ(json["level"], "warning");
  EXPECT_EQ(json["node"], 7);
  EXPECT_EQ(json["job"], "mnist");
  EXPECT_EQ(json["step"], 412);
}

TEST(JsonLineTest, AMessageIsOneLineWhateverIsInIt) {
  LogEntry entry = Entry();
  entry.message = "two\nlines, a \"quote\" and \xff no UTF-8";
  const std::string line = JsonLine(entry);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(line)["message"],
            "two\nlines, a \"quote\" and \xef\xbf\xbd no UTF-8");
}

TEST(LogContextTest, IsItsThreadsAndEndsWithItsScope) {
  EXPECT_EQ(LogContext::Current().job, "");
  {
    const LogContext outer("a");
    LogContext::SetStep(3);
    {
      const LogContext inner("b");
      EXPECT_EQ(LogContext::Current().job, "b");
      EXPECT_FALSE(LogContext::Current().step.has_value());
      std::thread([] { EXPECT_EQ(LogContext::Current().job, ""); }).join();
    }
    EXPECT_EQ(LogContext::Current().job, "a");
    EXPECT_EQ(LogContext::Current().step, 3u);
  }
  LogContext::SetStep(4);
  EXPECT_FALSE(LogContext::Current().step.has_value());
}

TEST(LogJsonTest, ALineOfTheLogIsAnObjectWithItsThreadsContext) {
  google::InitGoogleLogging("json_log_test");
  LogJson("server");
  SetLogNode(5);
  testing::internal::CaptureStderr();
  {
    const LogContext context("mnist", 8);
    LOG(WARNING) << "it is late";
  }
  const auto json =
      nlohmann::json::parse(testing::internal::GetCapturedStderr());
  EXPECT_EQ(json["level"], "warning");
  EXPECT_EQ(json["role"], "server");
  EXPECT_EQ(json["node"], 5);
  EXPECT_EQ(json["job"], "mnist");
  EXPECT_EQ(json["step"], 8);
  EXPECT_EQ(json["message"], "it is late");
  SetLogNode(0);
}

}  // namespace
}  // namespace hawser
