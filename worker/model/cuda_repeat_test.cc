// Models on the CUDA backend, under emulation, that compute again and again:
// what is kept from one micro-batch to the next (graphs, copies of parameters,
// memory) changes no bit, and is not made again.
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "tests/cuda_emulation/device.h"
#include "worker/backend/cuda/cuda_backend.h"
#include "worker/model/gpt_agreement.h"
#include "worker/model/model.h"
#include "worker/model/random_features.h"

namespace hawser {
namespace {

constexpr int64_t kMostSamples = 3;

std::unique_ptr<Model> Make(const ModelSpec& spec, bool graphs) {
  auto backend = MakeCudaBackend({.graphs = graphs});
  CHECK(backend.ok()) << backend.status();
  auto model = MakeModel(spec, kMostSamples, *std::move(backend));
  CHECK(model.ok()) << model.status();
  return *std::move(model);
}

GptCase Case(const char* name, bool llama, double dropout, bool recompute,
             Precision precision) {
  GptCase made = llama ? LlamaCase(name, 7, kMostSamples)
                       : Gpt2Case(name, 7, kMostSamples);
  GptSpec* gpt = made.model.mutable_gpt();
  gpt->set_dropout(dropout);
  gpt->set_recompute_activations(recompute);
  gpt->set_precision(precision);
  return made;
}

std::vector<GptCase> Cases() {
  return {Case("gpt2", false, 0, false, FLOAT32),
          Case("llama", true, 0, false, FLOAT32),
          Case("dropout", false, 0.3, false, FLOAT32),
          Case("recomputed", true, 0, true, FLOAT32),
          Case("bfloat16", false, 0, false, BFLOAT16)};
}

ModelSpec Mlp(double dropout) {
  ModelSpec model;
  for (const uint32_t size : {9, 30, 12, 4}) {
    model.mutable_mlp()->add_layer_sizes(size);
  }
  model.mutable_mlp()->set_activation(GELU);
  model.mutable_mlp()->set_dropout(dropout);
  model.mutable_mlp()->set_input_dropout(dropout);
  return model;
}

// Text, and features with labels, of so many samples.
Batch RandomBatch(const ModelSpec& model, int64_t samples,
                  std::mt19937* random) {
  if (model.has_gpt()) return RandomText(model.gpt(), samples, random);
  return RandomFeatures(model.mlp(), samples, random);
}

struct Versions {
  std::vector<float> theta;
  uint64_t kept = 0, plain = 0;  // as the two models name them
};

// Micro-batches of different content, size, scale, numbers for dropout and
// parameters, in an order that is drawn, now and then measured only.
void ExpectTheSameBits(const ModelSpec& spec, uint32_t seed) {
  std::mt19937 random(seed);
  const std::unique_ptr<Model> kept = Make(spec, /*graphs=*/true);
  const std::unique_ptr<Model> plain = Make(spec, /*graphs=*/false);
  const auto named = [&] {
    return Versions{RandomParameters(spec, &random), kept->NewVersion(),
                    plain->NewVersion()};
  };
  std::vector<Versions> versions{named(), named()};
  const auto n = static_cast<size_t>(kept->parameters());
  std::vector<float> found(n), expected(n);
  NoObserver everything;
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(round);
    Versions& at = versions[random() % 2];
    if (random() % 5 == 0) at = named();
    const auto samples = static_cast<int64_t>(1 + random() % kMostSamples);
    const Batch batch = RandomBatch(spec, samples, &random);
    const MicroBatchKey key{3, random() % 4, static_cast<uint32_t>(round)};
    const float scale = random() % 2 == 0 ? 0.25f : 0.5f;
    const Parameters to_kept(at.theta.data(), at.kept);
    const Parameters to_plain(at.theta.data());  // taken anew each time
    if (random() % 4 == 0) {
      ASSERT_EQ(kept->Evaluate(to_kept, batch),
                plain->Evaluate(to_plain, batch));
      continue;
    }
    ASSERT_EQ(
        kept->Gradient(to_kept, batch, key, scale, found.data(), &everything),
        plain->Gradient(to_plain, batch, key, scale, expected.data(),
                        &everything));
    ASSERT_EQ(found, expected);
  }
  EXPECT_TRUE(kept->status().ok()) << kept->status();
  EXPECT_TRUE(plain->status().ok()) << plain->status();
}

TEST(CudaRepeatTest, WhatIsKeptChangesNoBit) {
  uint32_t seed = 1;
  for (const GptCase& each : Cases()) {
    SCOPED_TRACE(each.name);
    const int64_t launches = cuda_emulation::CountsSoFar().graph_launches;
    ExpectTheSameBits(each.model, ++seed);
    EXPECT_GT(cuda_emulation::CountsSoFar().graph_launches, launches);
  }
  for (const double dropout : {0.0, 0.3}) {
    SCOPED_TRACE(dropout);
    const int64_t launches = cuda_emulation::CountsSoFar().graph_launches;
    ExpectTheSameBits(Mlp(dropout), ++seed);
    EXPECT_GT(cuda_emulation::CountsSoFar().graph_launches, launches);
  }
}

// A step of so many micro-batches, and a validation of two batches.
void Step(Model* model, const std::vector<float>& theta, const Batch& batch,
          int micro_batches, std::vector<float>* gradient) {
  const Parameters named(theta.data(), model->NewVersion());
  NoObserver everything;
  for (int m = 0; m < micro_batches; ++m) {
    model->Gradient(named, batch, kKey, kScale, gradient->data(), &everything);
  }
  Batch longer = batch;
  longer.samples *= 2;
  for (std::vector<int32_t>* part : {&longer.tokens, &longer.labels}) {
    const std::vector<int32_t> once = *part;
    part->insert(part->end(), once.begin(), once.end());
  }
  model->Evaluate(named, longer);
}

TEST(CudaRepeatTest, NothingIsAllocatedAfterTheFirstStep) {
  for (const GptCase& each : Cases()) {
    SCOPED_TRACE(each.name);
    const Example example(each);
    const std::unique_ptr<Model> model = Make(each.model, /*graphs=*/true);
    std::vector<float> gradient(example.theta.size());
    const auto step = [&] {
      Step(model.get(), example.theta, example.batch, 2, &gradient);
    };
    step();
    const cuda_emulation::Counts first = cuda_emulation::CountsSoFar();
    step();
    const cuda_emulation::Counts second = cuda_emulation::CountsSoFar();
    for (int i = 0; i < 3; ++i) step();
    const cuda_emulation::Counts last = cuda_emulation::CountsSoFar();
    EXPECT_EQ(last.allocations, first.allocations);
    EXPECT_GT(last.graphs, 0);
    EXPECT_EQ(last.graphs, second.graphs);
    EXPECT_GT(last.graph_launches, second.graph_launches);
  }
}

// A step brings the parameters once, and each micro-batch its text; it fetches
// a gradient and the losses of each micro-batch, and nothing twice.
TEST(CudaRepeatTest, AStepCopiesParametersOnceAndEachGradientOnce) {
  const Example example(Case("gpt2", false, 0, false, FLOAT32));
  const std::unique_ptr<Model> model = Make(example.of.model, true);
  std::vector<float> gradient(example.theta.size());
  Step(model.get(), example.theta, example.batch, 1, &gradient);
  const auto vector = static_cast<int64_t>(sizeof(float) * gradient.size());
  const auto tokens =
      static_cast<int64_t>(sizeof(int32_t) * example.batch.tokens.size());
  for (const int micro_batches : {1, 5}) {
    const cuda_emulation::Counts before = cuda_emulation::CountsSoFar();
    Step(model.get(), example.theta, example.batch, micro_batches, &gradient);
    const cuda_emulation::Counts after = cuda_emulation::CountsSoFar();
    // Two more batches are measured, of tokens and labels.
    EXPECT_EQ(after.bytes_in - before.bytes_in,
              vector + (micro_batches + 2) * 2 * tokens);
    EXPECT_EQ(after.bytes_out - before.bytes_out,
              micro_batches * (vector + tokens) + 2 * tokens);
  }
}

// Parameters without a name are taken each time, whatever they were before.
TEST(CudaRepeatTest, ParametersWithoutANameAreTakenAnew) {
  const Example example(Case("bfloat16", false, 0, false, BFLOAT16));
  const Example other(example.of, /*seed=*/9);
  const std::unique_ptr<Model> model = Make(example.of.model, true);
  const Outcome one = GradientOf(model.get(), example.theta, example.batch);
  const Outcome another = GradientOf(model.get(), other.theta, example.batch);
  EXPECT_FALSE(one == another);
  EXPECT_TRUE(GradientOf(model.get(), example.theta, example.batch) == one);
}

}  // namespace
}  // namespace hawser
