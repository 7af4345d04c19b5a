// The models on the CUDA backend: the GPT against the reference, the MLP
// against itself on the CPU.
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/backend/cpu/cpu_backend.h"
#include "worker/backend/cuda/cuda_backend.h"
#include "worker/backend/thread_pool.h"
#include "worker/model/gpt_agreement.h"
#include "worker/model/gradient_by_layers.h"
#include "worker/model/model.h"

#if __has_include("tests/cuda_emulation/device.h")
#include "tests/cuda_emulation/device.h"
#endif

namespace hawser {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<Model> Make(const ModelSpec& spec, int64_t max_batch) {
  auto backend = MakeCudaBackend(CudaOptions());
  CHECK(backend.ok()) << backend.status();
  auto model = MakeModel(spec, max_batch, *std::move(backend));
  CHECK(model.ok()) << model.status();
  return *std::move(model);
}

TEST(CudaModelTest, GptAgreesWithTheReference) {
  std::vector<GptCase> cases = GptCases();
  // More than a tile of queries.
  cases.push_back(Gpt2Case("long", 50, 2));
  for (const GptCase& each : cases) {
    SCOPED_TRACE(each.name);
    const std::unique_ptr<Model> model = Make(each.model, each.samples);
    ExpectAgreement(Example(each), model.get(), 1e-4, 1e-5);
    EXPECT_TRUE(model->status().ok()) << model->status();
  }
}

TEST(CudaModelTest, GptAgreesWithTheReferenceInBfloat16) {
  for (GptCase each : {Gpt2Case("gpt2", 7, 3), LlamaCase("llama", 7, 3)}) {
    SCOPED_TRACE(each.name);
    each.model.mutable_gpt()->set_precision(BFLOAT16);
    ExpectAgreement(Example(each, /*seed=*/1, /*deviation=*/0.1f),
                    Make(each.model, each.samples).get(), 3e-2, 1e-3);
  }
}

TEST(CudaModelTest, GptGivesTheSameBitsAgainAndWithActivationsComputedAgain) {
  GptCase each = LlamaCase("dropout", 35, 2);
  each.model.mutable_gpt()->set_dropout(0.2);
  const Example example(each);
  const std::unique_ptr<Model> model = Make(each.model, each.samples + 1);
  const Outcome first = GradientOf(model.get(), example.theta, example.batch);
  model->Evaluate(example.theta.data(), example.batch);
  EXPECT_TRUE(GradientOf(model.get(), example.theta, example.batch) == first);
  // Copies of pinned memory are done as late as they may be.
  std::vector<float> theta = example.theta, gradient(theta.size());
  const auto bytes = static_cast<int64_t>(4 * theta.size());
  const auto pinned_theta = model->Pin(theta.data(), bytes);
  const auto pinned_gradient = model->Pin(gradient.data(), bytes);
  NoObserver everything;
  model->Gradient(theta.data(), example.batch, kKey, kScale, gradient.data(),
                  &everything);
  EXPECT_EQ(gradient, first.gradient);
  each.model.mutable_gpt()->set_recompute_activations(true);
  EXPECT_TRUE(GradientOf(Make(each.model, each.samples).get(), example.theta,
                         example.batch) == first);
}

TEST(CudaModelTest, GptLayersComeAndGo) {
  for (const GptCase& each :
       {Gpt2Case("gpt2", 7, 3), LlamaCase("llama", 7, 3)}) {
    SCOPED_TRACE(each.name);
    const Example example(each);
    const std::unique_ptr<Model> model = Make(each.model, each.samples);
    for (const Batch& batch : {example.batch, Batch()}) {
      const Outcome whole = GradientOf(model.get(), example.theta, batch);
      const std::vector<LayerShape> layers = LayoutOf(each.model)->layers;
      EXPECT_EQ(GradientByLayers(model.get(), layers, example.theta, batch,
                                 kKey, kScale),
                whole.gradient);
      ExpectNothingWithoutParameters(
          model.get(), static_cast<int>(layers.size()), example.theta, batch);
    }
  }
}

ModelSpec Mlp(std::vector<uint32_t> sizes, Activation activation,
              double dropout, double smoothing) {
  ModelSpec model;
  for (const uint32_t size : sizes) {
    model.mutable_mlp()->add_layer_sizes(size);
  }
  model.mutable_mlp()->set_activation(activation);
  model.mutable_mlp()->set_dropout(dropout);
  model.mutable_mlp()->set_input_dropout(dropout / 2);
  model.mutable_mlp()->set_label_smoothing(smoothing);
  return model;
}

struct Images {
  Images(const MlpSpec& mlp, int64_t parameters) {
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    batch.samples = 37;
    const uint32_t classes = mlp.layer_sizes(mlp.layer_sizes_size() - 1);
    for (uint32_t i = 0; i < 37 * mlp.layer_sizes(0); ++i) {
      batch.features.push_back(normal(random));
    }
    for (int i = 0; i < 37; ++i) {
      batch.labels.push_back(static_cast<int32_t>(random() % classes));
    }
    for (int64_t i = 0; i < parameters; ++i) {
      theta.push_back(0.3f * normal(random));
    }
  }
  Batch batch;
  std::vector<float> theta;
};

TEST(CudaModelTest, MlpAgreesWithTheCpu) {
  for (const ModelSpec& spec :
       {Mlp({7, 3}, RELU, 0, 0), Mlp({9, 300, 4}, RELU, 0, 0),
        Mlp({50, 40, 30, 12}, GELU, 0.3, 0.1), Mlp({9, 8, 4}, TANH, 0.4, 0)}) {
    SCOPED_TRACE(spec.ShortDebugString());
    ThreadPool pool(1);
    const auto cpu = MakeModel(spec, 40, MakeCpuBackend(&pool));
    ASSERT_TRUE(cpu.ok());
    const std::unique_ptr<Model> cuda = Make(spec, 40);
    const Images images(spec.mlp(), (*cpu)->parameters());
    const Outcome expected = GradientOf(cpu->get(), images.theta, images.batch);
    const Outcome found = GradientOf(cuda.get(), images.theta, images.batch);
    double error = 0, norm = 0;
    for (size_t i = 0; i < found.gradient.size(); ++i) {
      error += std::pow(found.gradient[i] - expected.gradient[i], 2);
      norm += std::pow(expected.gradient[i], 2);
    }
    EXPECT_LE(std::sqrt(error / norm), 1e-5);
    EXPECT_EQ(found.sums.correct, expected.sums.correct);
    EXPECT_NEAR(Loss(found.sums), Loss(expected.sums), 1e-4);
    const SampleSums there =
        (*cpu)->Evaluate(images.theta.data(), images.batch);
    const SampleSums here = cuda->Evaluate(images.theta.data(), images.batch);
    EXPECT_EQ(here.correct, there.correct);
    EXPECT_NEAR(Loss(here), Loss(there), 1e-4);
    const std::vector<LayerShape> layers = LayoutOf(spec)->layers;
    EXPECT_EQ(GradientByLayers(cuda.get(), layers, images.theta, images.batch,
                               kKey, kScale),
              found.gradient);
    ExpectNothingWithoutParameters(cuda.get(), static_cast<int>(layers.size()),
                                   images.theta, images.batch);
    EXPECT_EQ(GradientOf(cuda.get(), images.theta, Batch()).gradient,
              std::vector<float>(images.theta.size(), 0.0f));
  }
}

#ifdef HAWSER_CUDA_EMULATION

// Wherever it is lost, in the first micro-batch or in one whose work is kept as
// graphs, the observer is told of no layer that is not right, and nothing more
// is done.
void ExpectLostDeviceIsTold(int micro_batches_before) {
  const GptCase each = Gpt2Case("gpt2", 7, 3);
  const Example example(each);
  const Outcome right = GradientOf(Make(each.model, each.samples).get(),
                                   example.theta, example.batch);
  const std::vector<LayerShape> layers = LayoutOf(each.model)->layers;
  class Observer : public NoObserver {
   public:
    void GradientDone(int layer) override { last = layer; }
    int last = -1;
  };
  bool told_of_some = false;
  for (int64_t operations = 0;; operations += 7) {
    SCOPED_TRACE(operations);
    const std::unique_ptr<Model> model = Make(each.model, each.samples);
    for (int i = 0; i < micro_batches_before; ++i) {
      GradientOf(model.get(), example.theta, example.batch);
    }
    cuda_emulation::LoseDeviceAfter(operations);
    std::vector<float> gradient(example.theta.size(), 7.0f);
    // Or else the host would wait for each copy as it is given.
    const auto pinned =
        model->Pin(gradient.data(), static_cast<int64_t>(4 * gradient.size()));
    Observer observer;
    model->Gradient(example.theta.data(), example.batch, kKey, kScale,
                    gradient.data(), &observer);
    if (model->status().ok()) break;  // not so many operations
    EXPECT_TRUE(absl::IsUnavailable(model->status())) << model->status();
    if (observer.last >= 0) {
      told_of_some = true;
      for (size_t i = layers[static_cast<size_t>(observer.last)].offset();
           i < gradient.size(); ++i) {
        ASSERT_EQ(gradient[i], right.gradient[i]) << i;
      }
    }
    model->Evaluate(example.theta.data(), example.batch);
    EXPECT_FALSE(model->status().ok());
    cuda_emulation::Reset();
  }
  cuda_emulation::Reset();
  EXPECT_TRUE(told_of_some);
}

TEST(CudaModelTest, ALostDeviceIsToldAndWritesNothing) {
  for (const int before : {0, 1, 2}) {
    SCOPED_TRACE(before);
    ExpectLostDeviceIsTold(before);
  }
}

// A model on a device with so much memory.
absl::StatusOr<std::unique_ptr<Model>> MakeIn(size_t bytes,
                                              const ModelSpec& spec,
                                              int64_t samples) {
  cuda_emulation::Reset();
  cuda_emulation::SetMemory(cuda_emulation::MemoryInUse() + bytes);
  auto backend = MakeCudaBackend(CudaOptions());
  CHECK(backend.ok()) << backend.status();
  auto model = MakeModel(spec, samples, *std::move(backend));
  cuda_emulation::SetMemory(0);
  return model;
}

// The number that the message has behind these words; 0: none.
int64_t NumberAfter(const std::string& words, const absl::Status& status) {
  const std::string message(status.message());
  const size_t at = message.find(words);
  return at == std::string::npos
             ? 0
             : std::stoll(message.substr(at + words.size()));
}

// What the message says would fit does fit, and no sample more.
TEST(CudaModelTest, TooLittleMemoryIsAnErrorThatSaysWhatWouldFit) {
  for (GptCase each : {Gpt2Case("gpt2", 64, 3), LlamaCase("llama", 64, 3)}) {
    SCOPED_TRACE(each.name);
    if (each.name == "llama") each.model.mutable_gpt()->set_precision(BFLOAT16);
    const size_t bytes = 9 << 20;
    const absl::Status status = MakeIn(bytes, each.model, 3000).status();
    ASSERT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_THAT(std::string(status.message()),
                ::testing::AllOf(HasSubstr("MiB are free"),
                                 HasSubstr("the model needs"),
                                 HasSubstr("micro-batches of 3000 samples")));
    const int64_t fit =
        NumberAfter("it would fit with micro-batches of ", status);
    const int64_t recomputing =
        NumberAfter("model.gpt.recompute_activations with ", status);
    EXPECT_GT(fit, 10);
    EXPECT_GT(recomputing, fit);
    EXPECT_TRUE(MakeIn(bytes, each.model, fit).ok());
    EXPECT_FALSE(MakeIn(bytes, each.model, fit + 1).ok());
    each.model.mutable_gpt()->set_recompute_activations(true);
    EXPECT_TRUE(MakeIn(bytes, each.model, recomputing).ok());
    EXPECT_FALSE(MakeIn(bytes, each.model, recomputing + 1).ok());
    EXPECT_THAT(
        std::string(MakeIn(5 << 20, each.model, 1000).status().message()),
        HasSubstr("it would fit with micro-batches of"));
  }
  cuda_emulation::Reset();
}

TEST(CudaModelTest, NothingFitsIntoTooLittleMemory) {
  GptCase each = Gpt2Case("gpt2", 64, 3);
  each.model.mutable_gpt()->set_vocabulary(100000);
  EXPECT_THAT(std::string(MakeIn(6 << 20, each.model, 2).status().message()),
              HasSubstr("not even one sample fits"));
  const absl::Status mlp =
      MakeIn(6 << 20, Mlp({1000, 2000, 10}, RELU, 0, 0), 3000).status();
  ASSERT_TRUE(absl::IsResourceExhausted(mlp)) << mlp;
  EXPECT_THAT(std::string(mlp.message()),
              ::testing::AllOf(HasSubstr("the model needs"),
                               HasSubstr("more schedule.micro_batches")));
  cuda_emulation::Reset();
}

#endif  // HAWSER_CUDA_EMULATION

}  // namespace
}  // namespace hawser
