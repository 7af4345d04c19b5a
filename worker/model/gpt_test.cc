// The GPT that MakeModel makes, against the reference and its promises.
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "worker/backend/thread_pool.h"
#include "worker/model/gpt_agreement.h"
#include "worker/model/gradient_by_layers.h"
#include "worker/model/model.h"

namespace hawser {
namespace {

std::unique_ptr<Model> Make(const ModelSpec& spec, int64_t max_batch,
                            ThreadPool* pool) {
  auto model = MakeModel(spec, max_batch, pool);
  CHECK(model.ok()) << model.status();
  return *std::move(model);
}

void ExpectAgreement(const Example& example, double gradient_tolerance,
                     double loss_tolerance) {
  SCOPED_TRACE(example.of.name);
  ThreadPool pool(2);
  ExpectAgreement(example,
                  Make(example.of.model, example.of.samples, &pool).get(),
                  gradient_tolerance, loss_tolerance);
}

TEST(GptTest, AgreesWithTheReference) {
  for (const GptCase& each : GptCases())
    ExpectAgreement(Example(each), 1e-4, 1e-5);
}

TEST(GptTest, AgreesWithTheReferenceInSeveralPanelsAndTiles) {
  for (const GptCase& each : LargeGptCases()) {
    ExpectAgreement(Example(each), 1e-4, 1e-5);
  }
}

// With smaller parameters than elsewhere: with those, rounding the weights
// alone moves the exact gradient by up to a tenth.
TEST(GptTest, AgreesWithTheReferenceInBfloat16) {
  std::vector<GptCase> cases = GptCases();
  for (const GptCase& each : LargeGptCases()) cases.push_back(each);
  for (GptCase& each : cases) {
    each.model.mutable_gpt()->set_precision(BFLOAT16);
    ThreadPool pool(1);
    const auto made = MakeModel(each.model, 1, &pool);
    if (!made.ok()) GTEST_SKIP() << made.status();
    ExpectAgreement(Example(each, /*seed=*/1, /*deviation=*/0.1f), 3e-2, 1e-3);
  }
}

TEST(GptTest, TheSameBitsWithAnyNumberOfThreads) {
  for (const GptCase& each : LargeGptCases()) {
    SCOPED_TRACE(each.name);
    const Example example(each);
    Outcome first;
    SampleSums evaluated;
    for (const int threads : {1, 2, 3}) {
      ThreadPool pool(threads);
      const std::unique_ptr<Model> model =
          Make(each.model, each.samples, &pool);
      const Outcome found =
          GradientOf(model.get(), example.theta, example.batch);
      const SampleSums sums =
          model->Evaluate(example.theta.data(), example.batch);
      if (threads == 1) {
        first = found;
        evaluated = sums;
      }
      EXPECT_TRUE(found == first) << threads << " threads";
      EXPECT_EQ(sums, evaluated) << threads << " threads";
    }
  }
}

TEST(GptTest, ActivationsComputedAgainGiveTheSameBits) {
  std::vector<GptCase> cases = GptCases();
  for (const GptCase& each : LargeGptCases()) cases.push_back(each);
  for (GptCase& each : cases) {
    SCOPED_TRACE(each.name);
    const Example example(each);
    ThreadPool pool(2);
    const Outcome kept = GradientOf(Make(each.model, each.samples, &pool).get(),
                                    example.theta, example.batch);
    each.model.mutable_gpt()->set_recompute_activations(true);
    const Outcome again =
        GradientOf(Make(each.model, each.samples, &pool).get(), example.theta,
                   example.batch);
    EXPECT_TRUE(again == kept);
  }
}

// Batches before, and room for larger ones, change no bit.
TEST(GptTest, WhatWasBeforeAndMaxBatchChangeNoBit) {
  std::vector<GptCase> cases = GptCases();
  for (const GptCase& each : LargeGptCases()) cases.push_back(each);
  for (const GptCase& each : cases) {
    SCOPED_TRACE(each.name);
    const Example example(each);
    ThreadPool pool(1);
    const Outcome exact =
        GradientOf(Make(each.model, each.samples, &pool).get(), example.theta,
                   example.batch);
    const std::unique_ptr<Model> roomy =
        Make(each.model, each.samples + 3, &pool);
    GptCase larger = each;
    larger.samples += 3;
    const Example before(larger, /*seed=*/2);
    GradientOf(roomy.get(), before.theta, before.batch);
    EXPECT_TRUE(GradientOf(roomy.get(), example.theta, example.batch) == exact);
    roomy->Evaluate(before.theta.data(), before.batch);
    EXPECT_TRUE(GradientOf(roomy.get(), example.theta, example.batch) == exact);
  }
}

// But for rounding: the rows of a sample may come in other panels, and some
// CPUs' products of a panel's rows depend on how many there are.
TEST(GptTest, EvaluationDoesNotDependOnMaxBatch) {
  for (const GptCase& each : LargeGptCases()) {
    SCOPED_TRACE(each.name);
    const Example example(each);
    ThreadPool pool(1);
    const auto evaluated = [&](int64_t max_batch) {
      return Make(each.model, max_batch, &pool)
          ->Evaluate(example.theta.data(), example.batch);
    };
    const SampleSums whole = evaluated(each.samples);
    EXPECT_EQ(whole.samples, each.samples);
    EXPECT_EQ(evaluated(each.samples + 2), whole);
    for (const int64_t max_batch : {1, 2}) {
      const SampleSums pieces = evaluated(max_batch);
      EXPECT_EQ(pieces.samples, whole.samples);
      EXPECT_NEAR(Loss(pieces), Loss(whole), 1e-6 * Loss(whole));
    }
  }
}

TEST(GptTest, AnEmptyBatchGivesZeros) {
  for (const GptCase& each : GptCases()) {
    ThreadPool pool(1);
    const std::unique_ptr<Model> model = Make(each.model, 4, &pool);
    const Example example(each);
    const Outcome found = GradientOf(model.get(), example.theta, Batch());
    EXPECT_EQ(found.sums, SampleSums());
    EXPECT_EQ(found.gradient, std::vector<float>(example.theta.size(), 0.0f));
    EXPECT_EQ(model->Evaluate(example.theta.data(), Batch()), SampleSums());
  }
}

TEST(GptTest, LayersComeWhenTheyAreAwaitedAndGoWhenTheyAreDone) {
  std::vector<GptCase> cases = GptCases();
  for (GptCase& each : GptCases()) {
    each.model.mutable_gpt()->set_precision(BFLOAT16);
    cases.push_back(each);
  }
  for (const GptCase& each : cases) {
    SCOPED_TRACE(each.name);
    const Example example(each);
    ThreadPool pool(2);
    const std::unique_ptr<Model> model = Make(each.model, each.samples, &pool);
    for (const Batch& batch : {example.batch, Batch()}) {
      std::vector<float> gradient(example.theta.size());
      NoObserver everything;
      model->Gradient(example.theta.data(), batch, kKey, kScale,
                      gradient.data(), &everything);
      EXPECT_EQ(GradientByLayers(model.get(), LayoutOf(each.model)->layers,
                                 example.theta, batch, kKey, kScale),
                gradient);
      ExpectNothingWithoutParameters(
          model.get(), static_cast<int>(LayoutOf(each.model)->layers.size()),
          example.theta, batch);
    }
  }
}

// Logits of so many tokens are computed in pieces, which end within samples.
TEST(GptTest, ALargeVocabularyGivesTheSumOfItsSamples) {
  GptCase large = Gpt2Case("large vocabulary", 100, 3);
  GptSpec* gpt = large.model.mutable_gpt();
  gpt->set_vocabulary(1 << 18);
  gpt->set_layers(1);
  gpt->set_width(4);
  gpt->set_feed_forward_width(8);
  const Example example(large);
  ThreadPool pool(2);
  const std::unique_ptr<Model> model = Make(large.model, 3, &pool);
  const Outcome whole = GradientOf(model.get(), example.theta, example.batch);
  EXPECT_EQ(model->Evaluate(example.theta.data(), example.batch), whole.sums);
  std::vector<double> sum(example.theta.size(), 0);
  SampleSums sums;
  for (int64_t s = 0; s < 3; ++s) {
    Batch one;
    one.samples = 1;
    const auto part = [&](const std::vector<int32_t>& of) {
      return std::vector<int32_t>(of.begin() + s * 100,
                                  of.begin() + (s + 1) * 100);
    };
    one.tokens = part(example.batch.tokens);
    one.labels = part(example.batch.labels);
    const Outcome alone = GradientOf(model.get(), example.theta, one);
    sums += alone.sums;
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += alone.gradient[i];
  }
  EXPECT_NEAR(Loss(whole.sums), Loss(sums), 1e-5 * Loss(sums));
  for (const TensorRange& tensor : TensorsOf(large.model)) {
    double error = 0, norm = 0;
    for (size_t i = tensor.first; i < tensor.end; ++i) {
      error += (whole.gradient[i] - sum[i]) * (whole.gradient[i] - sum[i]);
      norm += sum[i] * sum[i];
    }
    EXPECT_LE(std::sqrt(error / norm), 1e-5) << tensor.name;
  }
}

TEST(GptTest, DropoutDependsOnTheKeyAlone) {
  GptCase dropped = Gpt2Case("dropout", 9, 3);
  dropped.model.mutable_gpt()->set_dropout(0.2);
  const Example example(dropped);
  ThreadPool pool(1);
  const std::unique_ptr<Model> model = Make(dropped.model, 3, &pool);
  const auto loss = [&](const MicroBatchKey& key) {
    std::vector<float> gradient(example.theta.size());
    NoObserver everything;
    return model
        ->Gradient(example.theta.data(), example.batch, key, kScale,
                   gradient.data(), &everything)
        .loss_nanonats;
  };
  EXPECT_EQ(loss({1, 2, 3}), loss({1, 2, 3}));
  EXPECT_NE(loss({1, 2, 3}), loss({2, 2, 3}));
  EXPECT_NE(loss({1, 2, 3}), loss({1, 3, 3}));
  EXPECT_NE(loss({1, 2, 3}), loss({1, 2, 4}));
}

TEST(GptTest, DataThatDoesNotFitIsRefused) {
  ThreadPool pool(1);
  const std::unique_ptr<Model> model =
      Make(Gpt2Case("gpt2", 8, 1).model, 1, &pool);
  const auto check = [&](int64_t features, int64_t context,
                         int64_t vocabulary) {
    DataShape shape;
    shape.features = features;
    shape.context = context;
    shape.vocabulary = vocabulary;
    return model->CheckData(shape);
  };
  EXPECT_TRUE(check(0, 8, 19).ok());
  EXPECT_TRUE(check(0, 8, 18).ok());
  EXPECT_FALSE(check(0, 8, 20).ok());
  EXPECT_FALSE(check(0, 7, 19).ok());
  EXPECT_FALSE(check(784, 0, 0).ok());
}

}  // namespace
}  // namespace hawser
