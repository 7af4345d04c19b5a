// Every file of scenarios/, and what the parser says of wrong ones.
#include "tests/simulation/scenario.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "glog/logging.h"
#include "gtest/gtest.h"

namespace hawser::simulation {
namespace {

constexpr char kDirectory[] = "tests/simulation/scenarios";

TEST(ScenarioTest, AllHold) {
  FLAGS_minloglevel = google::FATAL;
  Simulator simulator(FastTemporaryDirectory());
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kDirectory)) {
    ++files;
    std::ifstream file(entry.path());
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto scenario = ParseScenario(text);
    ASSERT_TRUE(scenario.ok()) << entry.path() << ": " << scenario.status();
    const auto failure = RunScenario(*scenario, &simulator, nullptr);
    EXPECT_FALSE(failure.has_value())
        << entry.path() << ": " << *failure
        << "\nreplay: bazel run //tests/simulation:soak -- --trace --scenario="
        << "$PWD/" << entry.path().string();
  }
  EXPECT_GE(files, 8);
}

TEST(ScenarioTest, AWrongLineIsNamed) {
  const auto message = [](const std::string& text) {
    return std::string(ParseScenario(text).status().message());
  };
  const auto says = [&](const std::string& text, const std::string& part) {
    EXPECT_NE(message(text).find(part), std::string::npos) << message(text);
  };
  says("workers 3\nwokers 2", "line 2, \"wokers 2\": no statement");
  says("workers three", "\"three\" is no whole number");
  says("lease 5", "\"5\" is no duration");
  says("at 2s pause worker 1 4s", "expected \"for\" instead of \"4s\"");
  says("at 2s pause worker", "expected a number from 1 at the end");
  says("at 2s pause wrker 1 for 2s", "expected scheduler, client, server N");
  says("at 2s explode worker 1", "expected crash, pause");
  says("at 2s pause worker 1 for 2s please", "expected nothing more");
  says("at 2s pause worker 4 for 2s", "there is no worker 4");
  says("at 2s slow server 1 by 3 for 2s", "only workers");
  says("expect WONDERS", "expect what?");
  says("optimizer magic", "there are sgd");
  EXPECT_TRUE(ParseScenario("# nothing\n\n  workers 2  # two\n").ok());
}

TEST(FaultTest, ALineSaysItAll) {
  for (const std::string line :
       {"at 2s crash worker 1 for 3s", "at 2s crash server 12",
        "at 1.5s pause scheduler for 8s", "at 2s slow worker 1 by 10 for 5s",
        "at 2s partition worker 1 from server 2 for 3s",
        "at 2s break streams of worker 1",
        "at 2s jump clock of scheduler by -3s",
        "at 2s run clock of worker 1 at 0.5 for 5s",
        "at 2s slow disk by 50 for 3s", "at 2s fill disk for 1s",
        "at 2s slow output by 50 for 3s", "at 2s fill output for 1s",
        "at 2s start worker 3", "at 2s cancel the job", "at 2s drain server 1",
        "at 2s drain no more worker 2"}) {
    const auto fault = ParseFault(line);
    ASSERT_TRUE(fault.ok()) << fault.status();
    EXPECT_EQ(Describe(*fault), line);
  }
}

}  // namespace
}  // namespace hawser::simulation
