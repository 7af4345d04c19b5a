// Error feedback: nothing of a sequence of vectors is lost, whatever each
// encoding leaves out.
#include <cmath>
#include <string>
#include <vector>

#include "common/codec/codec.h"
#include "common/codec/codec_cases.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

std::vector<std::unique_ptr<Codec>> FeedbackCodecs() {
  std::vector<std::unique_ptr<Codec>> codecs;
  for (const CodecKind& kind : AllCodecs()) {
    auto codec = kind.make({std::string(kind.name), 0}).value();
    if (codec->keeps_residual()) codecs.push_back(std::move(codec));
  }
  return codecs;
}

TEST(CodecFeedbackTest, WhatWasSentAndTheResidualAreTheSum) {
  constexpr size_t kElements = 3001;
  for (const auto& codec : FeedbackCodecs()) {
    std::vector<double> sum(kElements, 0);
    std::vector<double> sent(kElements, 0);
    std::vector<double> magnitude(kElements, 0);
    std::vector<float> residual(kElements, 0.0f);
    for (uint32_t step = 0; step < 200; ++step) {
      const auto values = RandomFloats(kElements, step, /*narrow=*/true);
      const auto decoded =
          Decoded(*codec, Encoded(*codec, values, &residual), kElements);
      for (size_t i = 0; i < kElements; ++i) {
        sum[i] += values[i];
        sent[i] += decoded[i];
        // Each step rounds twice, by half a unit in the last place at most.
        magnitude[i] += std::abs(residual[i]) + std::abs(decoded[i]);
        ASSERT_NEAR(sent[i] + residual[i], sum[i], magnitude[i] * 0x1p-23)
            << "element " << i << ", step " << step;
      }
    }
  }
}

}  // namespace
}  // namespace hawser
