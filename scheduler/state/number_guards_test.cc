#include "scheduler/state/number_guards.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::HasSubstr;

GuardsSpec Policy(NotFinitePolicy policy) {
  GuardsSpec spec;
  spec.set_not_finite(policy);
  return spec;
}

NotFinite Gradient(uint64_t step, uint32_t micro_batch) {
  NotFinite found;
  found.set_step(step);
  found.set_micro_batch(micro_batch);
  found.set_layer("h.2");
  return found;
}

MicroBatchDigest Digest(uint64_t step, uint32_t micro_batch, uint32_t crc32c) {
  MicroBatchDigest digest;
  digest.set_step(step);
  digest.set_micro_batch(micro_batch);
  digest.set_crc32c(crc32c);
  return digest;
}

TEST(NumberGuardsTest, NamesWorkerStepMicroBatchAndLayer) {
  NumberGuards guards(Policy(STOP));
  const auto finding = guards.Take(7, Gradient(120, 3));
  ASSERT_TRUE(finding.has_value());
  EXPECT_TRUE(finding->ends_job);
  EXPECT_THAT(finding->text,
              HasSubstr("worker 7, step 120, micro-batch 3: the gradient is "
                        "infinite or not a number, first in layer h.2"));
  EXPECT_THAT(finding->text, HasSubstr("SKIP_STEP"));
}

TEST(NumberGuardsTest, ASkippedStepIsToldOnceAndEndsNothing) {
  NumberGuards guards(Policy(SKIP_STEP));
  const auto finding = guards.Take(7, Gradient(120, 3));
  ASSERT_TRUE(finding.has_value());
  EXPECT_FALSE(finding->ends_job);
  // Computed again by another worker.
  EXPECT_FALSE(guards.Take(8, Gradient(120, 3)).has_value());
  EXPECT_TRUE(guards.Take(8, Gradient(120, 4)).has_value());
  EXPECT_EQ(guards.micro_batches_not_finite(), 2u);
}

TEST(NumberGuardsTest, ParametersThatAreNotFiniteEndAnyJob) {
  NumberGuards guards(Policy(SKIP_STEP));
  NotFinite found = Gradient(9, 0);
  found.set_parameters(true);
  const auto finding = guards.Take(1, found);
  ASSERT_TRUE(finding.has_value());
  EXPECT_TRUE(finding->ends_job);
  EXPECT_THAT(finding->text, HasSubstr("parameters after step 9"));
  EXPECT_EQ(guards.micro_batches_not_finite(), 0u);
}

TEST(NumberGuardsTest, EqualDigestsAreFineHoweverOftenTheyAreTold) {
  NumberGuards guards(Policy(STOP));
  for (const uint64_t worker : {1, 2, 1, 3}) {
    EXPECT_FALSE(guards.Take(worker, Digest(5, 1, 0xabc)).has_value());
  }
  EXPECT_FALSE(guards.Take(1, Digest(5, 2, 0xdef)).has_value());
  EXPECT_FALSE(guards.Take(1, Digest(6, 1, 0xdef)).has_value());
}

TEST(NumberGuardsTest, DifferentDigestsNameBothWorkers) {
  NumberGuards guards(Policy(STOP));
  EXPECT_FALSE(guards.Take(1, Digest(5, 1, 0xabc)).has_value());
  const auto finding = guards.Take(2, Digest(5, 1, 0xabd));
  ASSERT_TRUE(finding.has_value());
  EXPECT_TRUE(finding->ends_job);
  EXPECT_THAT(
      finding->text,
      HasSubstr("worker 2 and worker 1 computed different gradients of "
                "step 5, micro-batch 1 (CRC32C 00000abd and 00000abc)"));
}

TEST(NumberGuardsTest, KeepsNoMoreThanItSays) {
  NumberGuards guards(Policy(SKIP_STEP));
  for (uint64_t step = 0; step <= NumberGuards::kMaxKept; ++step) {
    guards.Take(1, Digest(step, 0, 1));
  }
  // Step 0 is forgotten, step 1 is not.
  EXPECT_TRUE(guards.Take(2, Digest(1, 0, 2)).has_value());
  EXPECT_FALSE(guards.Take(2, Digest(0, 0, 2)).has_value());
}

TEST(NumberGuardsTest, StepsThatAreMadeAgainMayHaveOtherBits) {
  NumberGuards guards(Policy(STOP));
  EXPECT_FALSE(guards.Take(1, Digest(49, 1, 5)).has_value());
  EXPECT_FALSE(guards.Take(1, Digest(50, 1, 5)).has_value());
  guards.RollBack(50);
  EXPECT_FALSE(guards.Take(2, Digest(50, 1, 6)).has_value());
  EXPECT_TRUE(guards.Take(2, Digest(49, 1, 6)).has_value());
}

}  // namespace
}  // namespace hawser
