#include "common/optimizer/optimizer.h"

#include <cmath>
#include <string>
#include <vector>

#include "common/optimizer/optimizer_cases.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

// PyTorch's 5 parameters again and again, so that both the vector loop and its
// remainder meet them.
constexpr int kParameters = 5, kElements = 67, kSteps = 12;

TEST(OptimizerTest, EveryCaseAgreesWithPyTorch) {
  const auto golden = OptimizerGolden();
  for (const auto& [name, spec] : OptimizerCases()) {
    const std::vector<double>& exact = golden.at("float64 " + name);
    const std::vector<double>& rounded = golden.at("float32 " + name);
    ASSERT_EQ(exact.size(), size_t{kParameters * kSteps});
    ASSERT_EQ(rounded.size(), exact.size());
    const auto optimizer = MakeOptimizer(spec);
    ASSERT_TRUE(optimizer.ok()) << optimizer.status();
    std::vector<float> theta, sum(kElements);
    for (int i = 0; i < kElements; ++i) {
      const int p = i % kParameters;
      theta.push_back((p % 2 == 0 ? 1.0f : -1.0f) * (0.5f + std::exp2f(p - 1)));
    }
    std::vector<std::vector<float>> state;
    std::vector<float*> pointers;
    for (size_t s = 0; s < (*optimizer)->StateNames().size(); ++s) {
      state.emplace_back(kElements,
                         (*optimizer)->InitialState(static_cast<int>(s)));
    }
    for (auto& vector : state) pointers.push_back(vector.data());
    for (int t = 0; t < kSteps; ++t) {
      for (int i = 0; i < kElements; ++i) {
        const int p = i % kParameters;
        // The sum of 4 micro-batches with the golden gradient as their mean.
        sum[static_cast<size_t>(i)] = static_cast<float>(
            4 * std::sin(1 + 1.7 * p + 0.6 * t) * std::exp2(p - 2));
      }
      const UpdateStep step = {static_cast<uint64_t>(t), 0.1 / (1 + t), 0.25f};
      (*optimizer)
          ->Apply(step, theta.data(), sum.data(), kElements, theta.data(),
                  absl::MakeSpan(pointers));
      for (int i = 0; i < kElements; ++i) {
        const auto at = static_cast<size_t>(t * kParameters + i % kParameters);
        const double got = theta[static_cast<size_t>(i)];
        ASSERT_NEAR(got, exact[at], 2e-6 * std::abs(exact[at]))
            << name << " step " << t << " element " << i;
        ASSERT_NEAR(got, rounded[at], 2e-6 * std::abs(rounded[at]))
            << name << " step " << t << " element " << i;
      }
    }
  }
}

TEST(OptimizerTest, KeepsTheStateThatItNeeds) {
  const std::map<std::string, size_t> vectors = {
      {"sgd", 0},  {"sgd_decay", 0},  {"momentum", 1}, {"nesterov", 1},
      {"adam", 2}, {"adam_decay", 2}, {"adamw", 2},    {"adagrad", 1}};
  for (const auto& [name, spec] : OptimizerCases()) {
    const auto optimizer = MakeOptimizer(spec);
    ASSERT_TRUE(optimizer.ok()) << optimizer.status();
    EXPECT_EQ((*optimizer)->StateNames().size(), vectors.at(name)) << name;
  }
}

TEST(OptimizerTest, RefusesASpecThatNamesNone) {
  EXPECT_EQ(MakeOptimizer(OptimizerSpec()).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace hawser
