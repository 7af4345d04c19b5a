#include "server/partial_sums.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "common/vector_ops.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

constexpr uint32_t kMicroBatches = 8;
constexpr int64_t kElements = 300;

JobCodecs Codecs(const std::string& push, uint32_t sums_per_step) {
  JobSpec job;
  job.mutable_schedule()->set_micro_batches(kMicroBatches);
  job.mutable_data_plane()->mutable_push()->set_codec(push);
  job.mutable_data_plane()->set_sums_per_step(sums_per_step);
  return JobCodecs(job);
}

std::vector<float> Plus(const std::vector<float>& a,
                        const std::vector<float>& b) {
  std::vector<float> sum(a.size());
  for (size_t i = 0; i < a.size(); ++i) sum[i] = a[i] + b[i];
  return sum;
}

std::string Encoded(const Codec& codec, const std::vector<float>& values) {
  std::string bytes(codec.EncodedBytes(kElements), '\0');
  codec.Encode(values.data(), kElements, nullptr, bytes.data());
  return bytes;
}

std::vector<float> ThereAndBack(const Codec& codec,
                                const std::vector<float>& values) {
  const std::string bytes = Encoded(codec, values);
  const absl::Span<const char> piece(bytes.data(), bytes.size());
  std::vector<float> decoded(kElements);
  codec.DecodeTo({&piece, 1}, kElements, decoded.data());
  return decoded;
}

class PartialSumsTest : public testing::Test {
 protected:
  PartialSumsTest() {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (uint32_t m = 0; m < kMicroBatches; ++m) {
      for (int64_t i = 0; i < kElements; ++i) {
        leaves_[m].push_back(normal(random));
      }
    }
  }

  // Of the tree, by its definition; lossy where the codec acts.
  std::vector<float> SumOf(const JobCodecs& codecs, uint32_t level,
                           uint32_t acts_at, uint32_t index) const {
    std::vector<float> sum =
        level == 0 ? leaves_[index]
                   : Plus(SumOf(codecs, level - 1, acts_at, 2 * index),
                          SumOf(codecs, level - 1, acts_at, 2 * index + 1));
    return level == acts_at ? ThereAndBack(*codecs.push().codec, sum) : sum;
  }

  // What a worker sends for a node.
  void Push(const JobCodecs& codecs, TreeNode node, PartialSums* sums) {
    const auto& by = codecs.CodecOf(codecs.SumOf(node));
    const std::string bytes =
        Encoded(*by.codec, SumOf(codecs, node.level, ~0u, node.index));
    const absl::Span<const char> piece(bytes.data(), bytes.size());
    sums->Add(node, by, {&piece, 1}, {1, 2, 3}, /*needs_norm=*/true);
  }

  std::vector<float> leaves_[kMicroBatches];
  FloatBufferPool pool_{kElements};
};

// Whole nodes, their halves and single micro-batches, in any order and mixed:
// always the tree's sum, with the codec at its level.
TEST_F(PartialSumsTest, AnyCutInAnyOrderHasTheSameBits) {
  std::mt19937 random(2);
  for (const std::string codec : {"bf16", "int8", "none"}) {
    for (uint32_t level = 0; level <= 3; ++level) {
      const JobCodecs codecs = Codecs(codec, 8u >> level);
      const std::vector<float> expected = SumOf(codecs, 3, level, 0);
      PartialSums sums(kMicroBatches, kElements, &pool_, &codecs);
      for (int round = 0; round < 50; ++round) {
        std::vector<TreeNode> nodes;
        for (uint32_t m = 0; m < kMicroBatches;) {
          // A node that starts here, at or below the level.
          uint32_t height = random() % (level + 1);
          while (m % (1u << height) != 0) --height;
          nodes.push_back({height, m >> height});
          m += 1u << height;
        }
        std::shuffle(nodes.begin(), nodes.end(), random);
        for (const TreeNode& node : nodes) Push(codecs, node, &sums);
        const PartialSums::Sum total = sums.TakeTotal();
        EXPECT_EQ(total.squared_norm,
                  SquaredNorm(total.gradient->data(), kElements));
        for (int64_t i = 0; i < kElements; ++i) {
          ASSERT_EQ(total.gradient->data()[i], expected[static_cast<size_t>(i)])
              << codec << " at level " << level << ", element " << i;
        }
      }
    }
  }
}

// A worker that was leased a whole node after others had sent parts of it.
TEST_F(PartialSumsTest, AWholeNodeTakesThePlaceOfItsParts) {
  const JobCodecs codecs = Codecs("int8", 2);
  const std::vector<float> expected = SumOf(codecs, 3, 2, 0);
  PartialSums sums(kMicroBatches, kElements, &pool_, &codecs);
  Push(codecs, {0, 1}, &sums);
  Push(codecs, {1, 1}, &sums);
  Push(codecs, {2, 0}, &sums);
  Push(codecs, {0, 1}, &sums);  // late
  Push(codecs, {2, 1}, &sums);
  const PartialSums::Sum total = sums.TakeTotal();
  EXPECT_TRUE(
      std::equal(expected.begin(), expected.end(), total.gradient->data()));
}

}  // namespace
}  // namespace hawser
