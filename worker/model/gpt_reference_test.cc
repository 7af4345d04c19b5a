#include "worker/model/gpt_reference.h"

#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "worker/model/gpt_cases.h"

namespace hawser {
namespace {

const MicroBatchKey kKey = {42, 17, 3};

// Along random directions within each tensor.
TEST(GptReferenceTest, AgreesWithFiniteDifferences) {
  constexpr double kStep = 1e-5;
  std::mt19937 random(1);
  for (const GptCase& each : GptCases()) {
    SCOPED_TRACE(each.name);
    const Batch batch = RandomText(each.model.gpt(), each.samples, &random);
    const std::vector<float> start = RandomParameters(each.model, &random);
    const std::vector<double> theta(start.begin(), start.end());
    const std::vector<double> gradient =
        GptReference(each.model, theta, batch, &kKey).Gradient();
    for (const TensorRange& tensor : TensorsOf(each.model)) {
      for (int trial = 0; trial < 2; ++trial) {
        std::vector<double> above = theta, below = theta;
        std::normal_distribution<double> normal;
        double along = 0, norm = 0;
        for (size_t i = tensor.first; i < tensor.end; ++i) {
          const double direction = normal(random);
          above[i] += kStep * direction;
          below[i] -= kStep * direction;
          along += direction * gradient[i];
          norm += gradient[i] * gradient[i];
        }
        const double numeric =
            (GptReference(each.model, above, batch, &kKey).loss() -
             GptReference(each.model, below, batch, &kKey).loss()) /
            (2 * kStep);
        EXPECT_NEAR(numeric, along, 1e-6 * std::sqrt(norm)) << tensor.name;
      }
    }
  }
}

TEST(GptReferenceTest, DropoutIsOffWithoutAKey) {
  std::mt19937 random(2);
  GptCase with = Gpt2Case("with dropout", 6, 2);
  with.model.mutable_gpt()->set_dropout(0.5);
  const Batch batch = RandomText(with.model.gpt(), with.samples, &random);
  const std::vector<float> start = RandomParameters(with.model, &random);
  const std::vector<double> theta(start.begin(), start.end());
  const double plain =
      GptReference(Gpt2Case("without", 6, 2).model, theta, batch, &kKey).loss();
  EXPECT_EQ(GptReference(with.model, theta, batch, nullptr).loss(), plain);
  EXPECT_NE(GptReference(with.model, theta, batch, &kKey).loss(), plain);
}

}  // namespace
}  // namespace hawser
