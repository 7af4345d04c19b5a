// Steps that a micro-batch takes on its own, against a loop in double
// precision.
#include "worker/local_steps.h"

#include <cmath>
#include <string>
#include <vector>

#include "common/vector_ops.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

constexpr int kParameters = 37;

// 10 optimizer steps, 5 an epoch.
Plan MakePlan(const std::string& spec) {
  Plan plan;
  plan.set_parameters(kParameters);
  plan.set_optimizer_steps(10);
  plan.set_steps_per_epoch(5);
  EXPECT_TRUE(
      google::protobuf::TextFormat::ParseFromString(spec, plan.mutable_spec()));
  return plan;
}

std::vector<float> Start() {
  std::vector<float> theta;
  for (int i = 0; i < kParameters; ++i) {
    theta.push_back(std::sin(static_cast<float>(i)));
  }
  return theta;
}

// Of a quadratic whose target moves with the step.
double GradientAt(double theta, uint64_t step, size_t i) {
  return (1 + 0.1 * static_cast<double>(i % 7)) *
         (theta - std::cos(static_cast<double>(step * 101 + i)));
}

// No samples in step `empty`.
LocalSteps::Gradient FloatGradient(uint64_t empty = 100) {
  return [empty](uint64_t step, const float* theta, float* gradient) {
    for (size_t i = 0; i < kParameters; ++i) {
      gradient[i] =
          step == empty ? 0 : static_cast<float>(GradientAt(theta[i], step, i));
    }
    return step == empty ? SampleSums() : SampleSums{7, 1, 2};
  };
}

double Distance(const std::vector<float>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < b.size(); ++i) sum += std::pow(a[i] - b[i], 2);
  return std::sqrt(sum);
}

TEST(LocalStepsTest, AreThoseOfTheOptimizerWithAFreshState) {
  const Plan plan = MakePlan(
      "optimizer { sgd { momentum: 0.9 nesterov: true } weight_decay: 0.01 "
      "clip_global_norm: 2 } learning_rate { base: 0.1 warmup_steps: 4 "
      "step { every_epochs: 1 factor: 0.5 } }");
  LocalSteps local(plan);
  const std::vector<float> start = Start();
  std::vector<float> change(kParameters);
  // Twice, since nothing may be left of the first time.
  for (int time = 0; time < 2; ++time) {
    const SampleSums sums =
        local.Change(start.data(), {3, 4}, FloatGradient(), change.data());
    EXPECT_EQ(sums.samples, 8);
    EXPECT_EQ(sums.loss_nanonats, 28);
    std::vector<double> theta(start.begin(), start.end());
    std::vector<double> velocity(kParameters, 0);
    for (uint64_t step = 3; step < 7; ++step) {
      const double rate = step < 5 ? 0.1 : 0.05;
      std::vector<double> gradient(kParameters);
      double squares = 0;
      for (size_t i = 0; i < kParameters; ++i) {
        gradient[i] = GradientAt(theta[i], step, i);
        squares += gradient[i] * gradient[i];
      }
      ASSERT_GT(squares, 4);  // is clipped
      for (size_t i = 0; i < kParameters; ++i) {
        const double g = gradient[i] * 2 / std::sqrt(squares) + 0.01 * theta[i];
        velocity[i] = 0.9 * velocity[i] + g;
        theta[i] -= rate * (g + 0.9 * velocity[i]);
      }
    }
    std::vector<double> expected(kParameters);
    for (size_t i = 0; i < kParameters; ++i) expected[i] = start[i] - theta[i];
    EXPECT_LT(Distance(change, expected), 1e-6);
  }
}

TEST(LocalStepsTest, AdamBeginsWithItsFirstStepEachTime) {
  const Plan plan = MakePlan(
      "optimizer { adam { beta1: 0.9 beta2: 0.999 epsilon: 1e-8 } } "
      "learning_rate { base: 0.01 }");
  LocalSteps local(plan);
  const std::vector<float> start = Start();
  std::vector<float> change(kParameters);
  for (const uint64_t first : {0, 6}) {
    local.Change(start.data(), {first, 1}, FloatGradient(), change.data());
    for (size_t i = 0; i < kParameters; ++i) {
      const double sign = GradientAt(start[i], first, i) > 0 ? 1 : -1;
      EXPECT_NEAR(change[i], 0.01 * sign, 1e-5);
    }
  }
}

TEST(LocalStepsTest, AStepWithoutSamplesIsNone) {
  const Plan plan = MakePlan(
      "optimizer { sgd { momentum: 0.9 } weight_decay: 0.5 } "
      "learning_rate { base: 0.1 }");
  LocalSteps local(plan);
  const std::vector<float> start = Start();
  std::vector<float> change(kParameters), shorter(kParameters);
  const SampleSums sums =
      local.Change(start.data(), {3, 2}, FloatGradient(4), change.data());
  EXPECT_EQ(sums.samples, 2);
  local.Change(start.data(), {3, 1}, FloatGradient(), shorter.data());
  EXPECT_EQ(change, shorter);
  local.Change(start.data(), {4, 1}, FloatGradient(4), change.data());
  EXPECT_EQ(change, std::vector<float>(kParameters, 0));
}

TEST(ClipFactorTest, BringsTheNormDownToTheLimit) {
  EXPECT_EQ(ClipFactor(25, 0), 1);
  EXPECT_EQ(ClipFactor(25, 5), 1);
  EXPECT_EQ(ClipFactor(25, 2.5), 0.5f);
  EXPECT_EQ(ClipFactor(0, 1), 1);
}

}  // namespace
}  // namespace hawser
