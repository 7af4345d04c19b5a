#include "common/optimizer/learning_rate.h"

#include <cstdint>
#include <limits>
#include <string>

#include "common/optimizer/optimizer_cases.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

constexpr uint64_t kSteps = 21, kStepsPerEpoch = 3;

void ExpectGolden(const std::string& name, const LearningRateSpec& spec) {
  const auto golden = OptimizerGolden().at("rate " + name);
  ASSERT_EQ(golden.size(), kSteps);
  for (uint64_t t = 0; t < kSteps; ++t) {
    EXPECT_NEAR(LearningRateAt(spec, t, kSteps, kStepsPerEpoch), golden[t],
                1e-14)
        << name << " step " << t;
  }
}

LearningRateSpec Base(double base, uint64_t warmup_steps) {
  LearningRateSpec spec;
  spec.set_base(base);
  spec.set_warmup_steps(warmup_steps);
  return spec;
}

TEST(LearningRateTest, AgreesWithPyTorchsSchedulers) {
  LearningRateSpec cosine = Base(0.3, 0);
  cosine.mutable_cosine()->set_final_ratio(0.1);
  ExpectGolden("cosine", cosine);

  LearningRateSpec step = Base(0.3, 0);
  step.mutable_step()->set_factor(0.5);
  step.mutable_step()->set_every_epochs(2);
  ExpectGolden("step", step);
  step.mutable_step()->set_every_epochs(0);
  step.mutable_step()->set_every_steps(6);
  ExpectGolden("step", step);

  LearningRateSpec warmup = Base(0.3, 5);
  ExpectGolden("warmup", warmup);
  warmup.mutable_constant();
  ExpectGolden("warmup", warmup);
  warmup.mutable_cosine();
  ExpectGolden("warmup_cosine", warmup);
}

TEST(LearningRateTest, CosineStartsAtTheBaseAndEndsAtItsRatio) {
  LearningRateSpec spec = Base(2, 4);
  spec.mutable_cosine()->set_final_ratio(0.25);
  EXPECT_EQ(LearningRateAt(spec, 0, 100, 10), 0.5);
  EXPECT_EQ(LearningRateAt(spec, 3, 100, 10), 2);
  EXPECT_EQ(LearningRateAt(spec, 4, 100, 10), 2);
  EXPECT_EQ(LearningRateAt(spec, 99, 100, 10), 0.5);
}

TEST(LearningRateTest, AJobMayEndInItsWarmUpOrOneStepAfterIt) {
  LearningRateSpec spec = Base(2, 4);
  spec.mutable_cosine();
  EXPECT_EQ(LearningRateAt(spec, 1, 2, 10), 1);
  EXPECT_EQ(LearningRateAt(spec, 3, 4, 10), 2);
  EXPECT_EQ(LearningRateAt(spec, 4, 5, 10), 2);
}

TEST(LearningRateTest, APartOfAStepGoesAPartOfTheWay) {
  OptimizerSpec sgd;
  sgd.mutable_sgd()->set_momentum(0.9);
  EXPECT_EQ(RateForShare(sgd, 1), 1);
  EXPECT_EQ(RateForShare(sgd, 0.25), 0.25);
  for (const auto set :
       {+[](OptimizerSpec* spec) { spec->mutable_adam(); },
        +[](OptimizerSpec* spec) { spec->mutable_adamw(); },
        +[](OptimizerSpec* spec) { spec->mutable_adagrad(); }}) {
    OptimizerSpec spec;
    set(&spec);
    EXPECT_EQ(RateForShare(spec, 1), 1);
    EXPECT_EQ(RateForShare(spec, 0.25), 0.5);
  }
}

TEST(LearningRateTest, StepDecayOutsideOfTheJobNeverHappens) {
  LearningRateSpec spec = Base(2, 0);
  spec.mutable_step()->set_factor(0.5);
  // 2^63 epochs of 10 steps are more steps than a uint64 counts.
  spec.mutable_step()->set_every_epochs(uint64_t{1} << 63);
  EXPECT_EQ(LearningRateAt(spec, 99, 100, 10), 2);
  spec.mutable_step()->set_every_epochs(0);
  spec.mutable_step()->set_every_steps(std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(LearningRateAt(spec, 99, 100, 10), 2);
}

}  // namespace
}  // namespace hawser
