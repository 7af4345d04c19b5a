// A text read token by token, in pieces or at once, against the reference.
#include "worker/model/gpt_decoder.h"

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "worker/backend/thread_pool.h"
#include "worker/model/gpt_cases.h"
#include "worker/model/gpt_reference.h"
#include "worker/model/model.h"

namespace hawser {
namespace {

using Tokens = std::vector<int32_t>;

std::unique_ptr<GptDecoder> MakeDecoder(const ModelSpec& model,
                                        const std::vector<float>& theta,
                                        ThreadPool* pool) {
  auto decoder = GptDecoder::Make(model.gpt(), theta, pool);
  CHECK(decoder.ok()) << decoder.status();
  return *std::move(decoder);
}

std::vector<float> Copy(absl::Span<const float> logits) {
  return {logits.begin(), logits.end()};
}

double CrossEntropy(absl::Span<const float> logits, int32_t label) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return largest + std::log(sum) - logits[static_cast<size_t>(label)];
}

// The logits after tokens [0, end), of a decoder that has seen nothing else.
std::vector<float> AtOnce(const ModelSpec& model,
                          const std::vector<float>& theta, const Tokens& tokens,
                          ThreadPool* pool) {
  return Copy(MakeDecoder(model, theta, pool)->Append(tokens));
}

void ExpectNear(const std::vector<float>& found,
                const std::vector<float>& expected, double tolerance) {
  double largest = 0;
  for (const float x : expected) largest = std::max<double>(largest, fabsf(x));
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(found[i], expected[i], tolerance * largest) << "token " << i;
  }
}

Tokens RandomTokens(const GptSpec& gpt, int64_t count, std::mt19937* random) {
  Tokens tokens;
  for (int64_t i = 0; i < count; ++i) {
    tokens.push_back(static_cast<int32_t>((*random)() % gpt.vocabulary()));
  }
  return tokens;
}

std::vector<GptCase> AllCases() {
  std::vector<GptCase> cases = GptCases();
  for (const GptCase& large : LargeGptCases()) cases.push_back(large);
  return cases;
}

TEST(GptDecoderTest, TokenByTokenEqualsTheReference) {
  ThreadPool pool(2);
  for (const GptCase& of : AllCases()) {
    SCOPED_TRACE(of.name);
    std::mt19937 random(5);
    const Batch batch = RandomText(of.model.gpt(), 1, &random);
    const std::vector<float> theta = RandomParameters(of.model, &random);
    const auto decoder = MakeDecoder(of.model, theta, &pool);
    double loss = 0;
    for (size_t i = 0; i < batch.tokens.size(); ++i) {
      loss += CrossEntropy(decoder->Append({batch.tokens[i]}), batch.labels[i]);
    }
    loss /= of.model.gpt().context();
    const std::vector<double> exact(theta.begin(), theta.end());
    const double expected =
        GptReference(of.model, exact, batch, nullptr).loss();
    EXPECT_NEAR(loss, expected, 1e-5 * expected);
  }
}

TEST(GptDecoderTest, PiecesDoNotMatter) {
  ThreadPool pool(2);
  for (const GptCase& of : AllCases()) {
    SCOPED_TRACE(of.name);
    const int64_t context = of.model.gpt().context();
    std::mt19937 random(6);
    const std::vector<float> theta = RandomParameters(of.model, &random);
    const Tokens tokens = RandomTokens(of.model.gpt(), context, &random);
    const auto decoder = MakeDecoder(of.model, theta, &pool);
    size_t at = 0;
    while (at < tokens.size()) {
      const size_t count = std::min<size_t>(1 + random() % (context / 3 + 1),
                                            tokens.size() - at);
      const auto logits =
          Copy(decoder->Append(absl::MakeConstSpan(tokens).subspan(at, count)));
      at += count;
      ExpectNear(
          logits,
          AtOnce(of.model, theta,
                 {tokens.begin(), tokens.begin() + static_cast<ptrdiff_t>(at)},
                 &pool),
          1e-5);
    }
  }
}

TEST(GptDecoderTest, ForgetsTheFirstHalfOfAFullContext) {
  ThreadPool pool(1);
  for (const bool llama : {false, true}) {
    for (const int64_t context : {1, 2, 5, 8}) {
      SCOPED_TRACE(absl::StrCat("context ", context));
      const auto size = static_cast<uint32_t>(context);
      const ModelSpec model =
          (llama ? LlamaCase("", size, 1) : Gpt2Case("", size, 1)).model;
      std::mt19937 random(7);
      const std::vector<float> theta = RandomParameters(model, &random);
      const Tokens tokens = RandomTokens(model.gpt(), 30, &random);
      const auto decoder = MakeDecoder(model, theta, &pool);
      for (int64_t n = 1; n <= 30; ++n) {
        const auto logits =
            Copy(decoder->Append({tokens[static_cast<size_t>(n - 1)]}));
        int64_t start = 0;
        while (n - start > context) start += context - context / 2;
        const auto from = [&](int64_t first) {
          return Tokens(tokens.begin() + first, tokens.begin() + n);
        };
        ExpectNear(logits, AtOnce(model, theta, from(start), &pool), 1e-5);
        // A prompt that is too long is read from the same place.
        EXPECT_EQ(AtOnce(model, theta, from(0), &pool),
                  AtOnce(model, theta, from(start), &pool));
      }
    }
  }
}

TEST(GptDecoderTest, BitsDoNotDependOnThreads) {
  GptCase of = LlamaCase("", 200, 1);
  of.model.mutable_gpt()->set_width(256);
  of.model.mutable_gpt()->set_feed_forward_width(512);
  of.model.mutable_gpt()->set_vocabulary(1000);
  std::mt19937 random(8);
  const std::vector<float> theta = RandomParameters(of.model, &random);
  const Tokens tokens = RandomTokens(of.model.gpt(), 150, &random);
  std::vector<std::vector<float>> found;
  for (const int threads : {1, 4}) {
    ThreadPool pool(threads);
    const auto decoder = MakeDecoder(of.model, theta, &pool);
    decoder->Append(tokens);
    found.push_back(Copy(decoder->Append({3})));
  }
  EXPECT_EQ(found[0], found[1]);
}

TEST(GptDecoderTest, Bfloat16EqualsEvaluate) {
  ThreadPool pool(2);
  for (GptCase of : {Gpt2Case("", 150, 1), LlamaCase("", 70, 1)}) {
    of.model.mutable_gpt()->set_precision(BFLOAT16);
    auto model = MakeModel(of.model, 1, &pool);
    if (absl::IsFailedPrecondition(model.status())) {
      GTEST_SKIP() << model.status().message();
    }
    std::mt19937 random(9);
    const Batch batch = RandomText(of.model.gpt(), 1, &random);
    const std::vector<float> theta = RandomParameters(of.model, &random);
    const auto decoder = MakeDecoder(of.model, theta, &pool);
    double loss = 0;
    for (size_t i = 0; i < batch.tokens.size(); ++i) {
      loss += CrossEntropy(decoder->Append({batch.tokens[i]}), batch.labels[i]);
    }
    loss /= of.model.gpt().context();
    const double expected = (*model)->Evaluate(theta.data(), batch).MeanLoss();
    EXPECT_NEAR(loss, expected, 2e-3 * expected);
  }
}

TEST(GptDecoderTest, SaysWhenParametersDoNotFit) {
  ThreadPool pool(1);
  const GptCase of = Gpt2Case("", 8, 1);
  const auto decoder =
      GptDecoder::Make(of.model.gpt(), std::vector<float>(10), &pool);
  EXPECT_EQ(decoder.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(decoder.status().message().find("there are 10 parameters"),
            absl::string_view::npos);
}

}  // namespace
}  // namespace hawser
