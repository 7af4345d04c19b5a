#include "common/job/job_codecs.h"

#include <set>

#include "gtest/gtest.h"

namespace hawser {
namespace {

JobCodecs Make(const std::string& codec, uint32_t micro_batches,
               uint32_t sums_per_step) {
  JobSpec job;
  job.mutable_schedule()->set_micro_batches(micro_batches);
  job.mutable_data_plane()->mutable_push()->set_codec(codec);
  job.mutable_data_plane()->set_sums_per_step(sums_per_step);
  return JobCodecs(job);
}

TEST(JobCodecsTest, WithoutACodecEverySumGoesAsItIs) {
  const JobCodecs codecs = Make("none", 8, 0);
  EXPECT_FALSE(codecs.ActsAt({3, 0}));
  EXPECT_EQ(codecs.SumOf({3, 0}), JobCodecs::Sum::kAsItIs);
  EXPECT_EQ(codecs.SumOf({0, 5}), JobCodecs::Sum::kAsItIs);
}

TEST(JobCodecsTest, WithAResidualEverySumIsEncoded) {
  const JobCodecs codecs = Make("one_bit", 8, 0);
  EXPECT_FALSE(codecs.ActsAt({3, 0}));
  EXPECT_EQ(codecs.SumOf({3, 0}), JobCodecs::Sum::kEncoded);
  EXPECT_EQ(codecs.SumOf({0, 5}), JobCodecs::Sum::kEncoded);
}

TEST(JobCodecsTest, OneLevelIsEncoded) {
  const JobCodecs codecs = Make("int8", 8, 2);
  EXPECT_TRUE(codecs.ActsAt({2, 0}));
  EXPECT_FALSE(codecs.ActsAt({3, 0}));
  EXPECT_EQ(codecs.SumOf({3, 0}), JobCodecs::Sum::kTooMany);
  EXPECT_EQ(codecs.SumOf({2, 1}), JobCodecs::Sum::kEncoded);
  EXPECT_EQ(codecs.SumOf({1, 2}), JobCodecs::Sum::kAsItIs);
  EXPECT_EQ(codecs.SumOf({0, 7}), JobCodecs::Sum::kAsItIs);
}

// Of every tree and level: each micro-batch is in exactly one encoded sum, and
// there are at most as many sums as were asked for.
TEST(JobCodecsTest, EncodedSumsCoverAStepOnce) {
  for (uint32_t m = 1; m <= 40; ++m) {
    const MicroBatchTree tree(m);
    for (uint32_t sums = 1; sums <= 128; sums *= 2) {
      const JobCodecs codecs = Make("bf16", m, sums);
      std::set<TreeNode> encoded;
      uint32_t covered = 0;
      for (uint32_t level = 0; level <= tree.Root().level; ++level) {
        for (uint32_t i = 0; tree.Contains({level, i}); ++i) {
          const TreeNode node = tree.Canonical({level, i});
          if (codecs.SumOf({level, i}) != JobCodecs::Sum::kEncoded) continue;
          if (!encoded.insert(node).second) continue;
          covered += tree.Last(node) - tree.First(node);
        }
      }
      EXPECT_EQ(covered, m);
      EXPECT_LE(encoded.size(), sums);
      if (sums >= m) {
        EXPECT_EQ(encoded.size(), m);
      }
    }
  }
}

}  // namespace
}  // namespace hawser
