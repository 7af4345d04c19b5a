// Experiments at a small scale: what must hold holds (exactly once, the bound
// on staleness, every sample once an epoch), and efficiencies are sane. In
// virtual time, so that they are the same on every machine.
#include <string>

#include "glog/logging.h"
#include "gtest/gtest.h"
#include "tests/simulation/scale_run.h"
#include "tests/simulation/simulator.h"

namespace hawser::simulation {
namespace {

class ScaleTest : public testing::TestWithParam<std::string> {
 protected:
  ScaleTest() {
    FLAGS_logtostderr = true;
    FLAGS_minloglevel = google::FATAL;
    options_.workers = 50;
    options_.servers = 4;
    options_.mode = GetParam();
    options_.steps = options_.mode == "local-steps" ? 12 : 30;
  }
  ScaleResult Run() {
    const ScaleResult result = RunScale(options_, FastTemporaryDirectory(),
                                        /*audit=*/true, nullptr);
    EXPECT_FALSE(result.failure.has_value()) << *result.failure;
    return result;
  }
  ScaleOptions options_;
};

INSTANTIATE_TEST_SUITE_P(Modes, ScaleTest, testing::ValuesIn(ScaleModes()),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) {
                             if (c == '-') c = '_';
                           }
                           return name;
                         });

TEST_P(ScaleTest, MostOfTheTimeIsComputing) {
  const ScaleResult result = Run();
  EXPECT_GT(result.efficiency, 0.6);
  EXPECT_LT(result.efficiency, 1.02);
}

TEST_P(ScaleTest, StragglersCostAsMuchAsTheModeSays) {
  options_.stragglers = 0.05;
  const ScaleResult result = Run();
  const bool is_static =
      options_.mode == "synchronous-static" || options_.mode == "local-steps";
  EXPECT_GT(result.efficiency, is_static ? 0.15 : 0.5);
  EXPECT_LT(result.efficiency, is_static ? 0.25 : 1.02);
}

TEST_P(ScaleTest, AFailureAMinuteIsSurvived) {
  // An exchange must fit between two failures.
  options_.failures_per_minute = options_.mode == "local-steps" ? 0.2 : 1;
  const ScaleResult result = Run();
  EXPECT_GT(result.incarnations, 2);
  EXPECT_GT(result.efficiency, 0.3);
}

TEST_P(ScaleTest, TheSameRunTwice) {
  options_.workers = 10;
  options_.steps = 12;
  options_.failures_per_minute = options_.mode == "local-steps" ? 0.2 : 1;
  const ScaleResult first = Run();
  const ScaleResult second = Run();
  EXPECT_EQ(first.events, second.events);
  EXPECT_EQ(first.efficiency, second.efficiency);
}

}  // namespace
}  // namespace hawser::simulation
