#include "common/job/figures.h"

#include <cmath>

#include "common/metrics_proto.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::ElementsAre;

TEST(FiguresTest, ClassesHaveAnAccuracy) {
  ModelSpec model;
  model.mutable_mlp();
  const Metrics metrics = ToProto({1000000000, 19, 20});
  EXPECT_THAT(
      FigureTexts(ValidationFigures(metrics, model, 0), "validation "),
      ElementsAre("validation loss 0.0500", "validation accuracy 95.00 %"));
  EXPECT_EQ(TokensPerSample(model), 1u);
}

TEST(FiguresTest, TextHasPerplexityAndBitsPerByte) {
  ModelSpec model;
  model.mutable_gpt()->set_context(64);
  // Two samples of one bit a token; a token is four bytes.
  const auto nats = static_cast<int64_t>(2e9 * std::log(2.0));
  const Metrics metrics = ToProto({nats, 0, 2});
  EXPECT_THAT(FigureTexts(TrainingFigures(metrics, model), ""),
              ElementsAre("loss 0.6931"));
  EXPECT_THAT(FigureTexts(ValidationFigures(metrics, model, 512), ""),
              ElementsAre("loss 0.6931", "perplexity 2", "bits/byte 0.2500"));
  EXPECT_FALSE(ValidationFigures(metrics, model, 0).bits_per_byte.has_value());
  EXPECT_EQ(TokensPerSample(model), 64u);
}

}  // namespace
}  // namespace hawser
