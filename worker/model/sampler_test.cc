#include "worker/model/sampler.h"

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace hawser {
namespace {

// Probabilities 0.4, 0.1, 0.3, 0.15, 0.05.
const std::vector<double> kProbabilities = {0.4, 0.1, 0.3, 0.15, 0.05};

std::vector<float> Logits() {
  std::vector<float> logits;
  for (const double p : kProbabilities) {
    logits.push_back(static_cast<float>(std::log(p)) + 7);
  }
  return logits;
}

constexpr int kDraws = 20000;

std::map<int32_t, double> Count(const SamplerSettings& settings,
                                const std::vector<float>& logits) {
  std::map<int32_t, double> counts;
  for (uint64_t position = 0; position < kDraws; ++position) {
    ++counts[SampleToken(settings, position, logits).value()];
  }
  return counts;
}

// Counts that the probabilities explain: chi-square with at most 4 degrees of
// freedom exceeds 23.5 once in 10,000 seeds.
void ExpectDistribution(const std::map<int32_t, double>& counts,
                        std::vector<double> probabilities) {
  double total = 0;
  for (const double p : probabilities) total += p;
  double chi_square = 0;
  for (size_t i = 0; i < probabilities.size(); ++i) {
    const auto found = counts.find(static_cast<int32_t>(i));
    const double count = found == counts.end() ? 0 : found->second;
    const double expected = probabilities[i] / total * kDraws;
    if (expected == 0) {
      EXPECT_EQ(count, 0) << i;
    } else {
      chi_square += (count - expected) * (count - expected) / expected;
    }
  }
  EXPECT_LT(chi_square, 23.5);
}

TEST(SamplerTest, DrawsByProbability) {
  ExpectDistribution(Count({.seed = 3}, Logits()), kProbabilities);
}

TEST(SamplerTest, TemperatureIsAnExponent) {
  for (const double temperature : {0.5, 2.0}) {
    std::vector<double> expected;
    for (const double p : kProbabilities) {
      expected.push_back(std::pow(p, 1 / temperature));
    }
    ExpectDistribution(Count({.temperature = temperature}, Logits()), expected);
  }
}

TEST(SamplerTest, TemperatureZeroIsGreedy) {
  const SamplerSettings greedy{.temperature = 0};
  EXPECT_EQ(Count(greedy, Logits()), (std::map<int32_t, double>{{0, kDraws}}));
  EXPECT_EQ(SampleToken(greedy, 0, {1, 5, 5, 2}).value(), 1) << "a tie";
}

TEST(SamplerTest, TopKKeepsTheMostLikely) {
  EXPECT_EQ(Count({.top_k = 1}, Logits()),
            (std::map<int32_t, double>{{0, kDraws}}));
  ExpectDistribution(Count({.top_k = 2}, Logits()), {0.4, 0, 0.3, 0, 0});
  ExpectDistribution(Count({.top_k = 99}, Logits()), kProbabilities);
  EXPECT_EQ(Count({.top_k = 1}, {2, 2, 2}),
            (std::map<int32_t, double>{{0, kDraws}}))
      << "a tie";
}

TEST(SamplerTest, TopPKeepsTheSmallestSetWithThatProbability) {
  ExpectDistribution(Count({.top_p = 0.01}, Logits()), {0.4, 0, 0, 0, 0});
  ExpectDistribution(Count({.top_p = 0.6}, Logits()), {0.4, 0, 0.3, 0, 0});
  ExpectDistribution(Count({.top_p = 0.75}, Logits()), {0.4, 0, 0.3, 0.15, 0});
  // Of what top-k left, 0.4 / 0.85 = 0.47.
  ExpectDistribution(Count({.top_k = 3, .top_p = 0.46}, Logits()),
                     {0.4, 0, 0, 0, 0});
}

TEST(SamplerTest, SeedAndPositionTellAll) {
  const std::vector<float> flat(1000, 0.0f);
  const auto draw = [&](uint64_t seed, uint64_t position) {
    return SampleToken({.seed = seed}, position, flat).value();
  };
  EXPECT_EQ(draw(1, 2), draw(1, 2));
  EXPECT_NE(draw(1, 2), draw(1, 3));
  EXPECT_NE(draw(1, 2), draw(2, 2));
}

TEST(SamplerTest, OutputThatIsNotFinite) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity()}) {
    const auto token = SampleToken({}, 0, {1, bad});
    EXPECT_EQ(token.status().code(), absl::StatusCode::kFailedPrecondition);
  }
}

TEST(SamplerTest, SettingsOutOfRange) {
  EXPECT_TRUE(CheckSettings({}).ok());
  const auto message = [](const SamplerSettings& settings) {
    const absl::Status status = CheckSettings(settings);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_EQ(message({.temperature = -1}).substr(0, 22),
            "the temperature is -1;");
  message({.temperature = std::nan("")});
  message({.temperature = std::numeric_limits<double>::infinity()});
  EXPECT_EQ(message({.top_k = -2}).substr(0, 12), "top-k is -2;");
  EXPECT_EQ(message({.top_p = 0}).substr(0, 11), "top-p is 0;");
  message({.top_p = 1.5});
  message({.top_p = std::nan("")});
}

}  // namespace
}  // namespace hawser
