// Whole jobs whose blocks travel by codecs: real worker and server drivers in
// one process.
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "common/sha256.h"
#include "gtest/gtest.h"
#include "tests/training/tiny_cluster.h"

namespace hawser {
namespace {

struct Result {
  std::string hash;          // as a worker reports it
  std::vector<float> theta;  // as the servers have it
};

Result Train(uint32_t servers, uint64_t workers, const std::string& more) {
  Cluster cluster(servers);
  std::vector<uint64_t> nodes;
  for (uint64_t i = 0; i < workers; ++i) nodes.push_back(kFirstWorker + i);
  const Plan plan = MakePlan(servers, nodes, 1, RANDOM, more);
  cluster.Adopt(plan);
  std::vector<std::unique_ptr<Worker>> running;
  for (const uint64_t node : nodes) {
    running.push_back(std::make_unique<Worker>(&cluster, plan, node));
  }
  for (const auto& worker : running) {
    const absl::Status status = worker->Join();
    EXPECT_TRUE(status.ok()) << status;
  }
  Result result;
  result.hash = cluster.AwaitHash();
  result.theta.resize(plan.parameters());
  ParameterClient client(plan, 999, cluster.Channels(), RealThreads());
  EXPECT_TRUE(client
                  .Pull(plan.total_steps(), result.theta.data(),
                        ParameterClient::Floats::kExact)
                  .ok());
  return result;
}

std::string HashOf(const std::vector<float>& theta) {
  Sha256 hash;
  hash.Update(theta.data(), theta.size() * sizeof(float));
  return hash.Hex();
}

double RelativeDistance(const std::vector<float>& a,
                        const std::vector<float>& b) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(double{a[i]} - b[i], 2);
    norm += std::pow(double{b[i]}, 2);
  }
  return std::sqrt(difference / norm);
}

std::string Codecs(const std::string& push, const std::string& pull,
                   int sums_per_step) {
  std::string spec = "data_plane { push { codec: '" + push +
                     "' } pull { codec: '" + pull + "' }";
  if (sums_per_step != 0) {
    spec += " sums_per_step: " + std::to_string(sums_per_step);
  }
  return spec + " } ";
}

class StatelessCodecTest : public testing::TestWithParam<const char*> {};

TEST_P(StatelessCodecTest, NoBitDependsOnTheCluster) {
  const std::string exact = Train(1, 1, "").hash;
  const std::string codecs = Codecs(GetParam(), GetParam(), 2);
  const std::string expected = Train(1, 1, codecs).hash;
  EXPECT_NE(expected, exact) << "the codec did nothing";
  for (const uint64_t workers : {1, 2, 3, 4}) {
    const uint32_t servers = 1 + workers % 2;
    EXPECT_EQ(Train(servers, workers, codecs).hash, expected) << workers;
    EXPECT_EQ(
        Train(servers, workers, codecs + "scheduling { policy: DYNAMIC }").hash,
        expected)
        << workers << " that lease";
  }
}

TEST_P(StatelessCodecTest, TheSumsPerStepAreAllThatMatters) {
  std::vector<std::string> hashes;
  for (const int sums : {1, 2, 4, 64}) {
    const std::string codecs = Codecs(GetParam(), "none", sums);
    hashes.push_back(Train(1, 1, codecs).hash);
    EXPECT_EQ(Train(1, 3, codecs).hash, hashes.back()) << sums;
  }
  EXPECT_NE(hashes[0], hashes[1]);
  EXPECT_NE(hashes[1], hashes[2]);
  EXPECT_EQ(hashes[2], hashes[3]) << "there are 4 micro-batches";
}

TEST_P(StatelessCodecTest, TheHashIsOfTheServersFloats) {
  const Result result = Train(2, 2, Codecs(GetParam(), GetParam(), 2));
  EXPECT_EQ(result.hash, HashOf(result.theta));
}

TEST_P(StatelessCodecTest, LeadsAboutWhereFloat32Leads) {
  const Result exact = Train(1, 1, "");
  const Result result = Train(1, 2, Codecs(GetParam(), GetParam(), 2));
  EXPECT_LT(RelativeDistance(result.theta, exact.theta), 0.05);
}

TEST_P(StatelessCodecTest, LocalChangesTravelByItToo) {
  const std::string more =
      Codecs(GetParam(), GetParam(), 2) + "synchronisation { local_steps: 3 }";
  EXPECT_EQ(Train(2, 3, more).hash, Train(1, 1, more).hash);
}

INSTANTIATE_TEST_SUITE_P(All, StatelessCodecTest,
                         testing::Values("bf16", "fp16", "int8"),
                         [](const auto& test) {
                           return std::string(test.param);
                         });

class EveryCodecTest : public testing::TestWithParam<const char*> {};

TEST_P(EveryCodecTest, TrainsInEveryMode) {
  const Result exact = Train(1, 1, "");
  for (const std::string mode :
       {"", "synchronisation { mode: ASYNCHRONOUS }",
        "synchronisation { mode: BOUNDED_STALENESS staleness: 1 }",
        "synchronisation { local_steps: 2 }"}) {
    const Result result = Train(2, 2, Codecs(GetParam(), "none", 0) + mode);
    EXPECT_EQ(result.hash, HashOf(result.theta)) << mode;
    // Far from where it began, which is at a distance of about 1.
    EXPECT_LT(RelativeDistance(result.theta, exact.theta), 0.6) << mode;
  }
}

INSTANTIATE_TEST_SUITE_P(All, EveryCodecTest,
                         testing::Values("bf16", "fp16", "int8", "top_k",
                                         "one_bit"),
                         [](const auto& test) {
                           return std::string(test.param);
                         });

// By one worker nothing of its own reaches the servers twice or out of order.
TEST(FeedbackCodecTest, OneWorkersRunsAreRepeatable) {
  for (const std::string codec : {"top_k", "one_bit"}) {
    const std::string codecs = Codecs(codec, "int8", 0);
    EXPECT_EQ(Train(1, 1, codecs).hash, Train(2, 1, codecs).hash) << codec;
  }
}

}  // namespace
}  // namespace hawser
