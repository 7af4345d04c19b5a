// GPTs against PyTorch: tests/golden/make_gpt_golden.py.
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "worker/backend/thread_pool.h"
#include "worker/model/gpt_cases.h"
#include "worker/model/gpt_reference.h"
#include "worker/model/model.h"

namespace hawser {
namespace {

const MicroBatchKey kKey = {42, 17, 3};

struct Golden {
  ModelSpec model;
  int64_t samples = 0;
  size_t parameters = 0;
  double loss = 0;
  std::vector<double> gradient;
};

std::vector<Golden> ReadGoldens() {
  std::ifstream file("tests/golden/gpt.txt");
  EXPECT_TRUE(file.good());
  std::vector<Golden> goldens;
  std::string line;
  while (std::getline(file >> std::ws, line)) {
    Golden golden;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        line, golden.model.mutable_gpt()))
        << line;
    file >> golden.samples >> golden.parameters >> golden.loss;
    golden.gradient.resize(golden.parameters);
    for (double& value : golden.gradient) file >> value;
    EXPECT_TRUE(file.good());
    goldens.push_back(golden);
  }
  return goldens;
}

// As the script has it.
int32_t Number(size_t i) {
  auto x = static_cast<uint32_t>(i + 1);
  x ^= x >> 16;
  x *= 0x85ebca6b;
  x ^= x >> 13;
  x *= 0xc2b2ae35;
  x ^= x >> 16;
  return static_cast<int32_t>(x & 255) - 128;
}

std::vector<float> ParametersOf(const ModelSpec& model) {
  std::vector<float> theta;
  for (const TensorRange& tensor : TensorsOf(model)) {
    const bool norm_weight = tensor.name.ends_with("norm.weight");
    for (size_t i = tensor.first; i < tensor.end; ++i) {
      theta.push_back(static_cast<float>(Number(i)) / 256 +
                      (norm_weight ? 1.0f : 0.0f));
    }
  }
  return theta;
}

Batch TextOf(const Golden& golden) {
  const GptSpec& gpt = golden.model.gpt();
  const auto vocabulary = static_cast<int32_t>(gpt.vocabulary());
  Batch batch;
  batch.samples = golden.samples;
  for (size_t i = 0; i < static_cast<size_t>(golden.samples) * gpt.context();
       ++i) {
    batch.tokens.push_back((Number(i) + 128) % vocabulary);
    batch.labels.push_back((Number(i + 1000003) + 128) % vocabulary);
  }
  return batch;
}

template <typename T>
double RelativeError(const std::vector<T>& found,
                     const std::vector<double>& expected) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    error += std::pow(static_cast<double>(found[i]) - expected[i], 2);
    norm += std::pow(expected[i], 2);
  }
  return std::sqrt(error / norm);
}

TEST(GptGoldenTest, TheReferenceAgreesWithPyTorch) {
  const std::vector<Golden> goldens = ReadGoldens();
  EXPECT_EQ(goldens.size(), 2);
  for (const Golden& golden : goldens) {
    SCOPED_TRACE(golden.model.ShortDebugString());
    const std::vector<float> theta = ParametersOf(golden.model);
    ASSERT_EQ(theta.size(), golden.parameters);
    const Batch batch = TextOf(golden);
    GptReference reference(golden.model,
                           std::vector<double>(theta.begin(), theta.end()),
                           batch, nullptr);
    // Of what the file's digits say.
    EXPECT_NEAR(reference.loss(), golden.loss, 1e-10 * golden.loss);
    EXPECT_LT(RelativeError(reference.Gradient(), golden.gradient), 2e-6);
  }
}

TEST(GptGoldenTest, TheModelAgreesWithPyTorch) {
  for (const Golden& golden : ReadGoldens()) {
    SCOPED_TRACE(golden.model.ShortDebugString());
    const std::vector<float> theta = ParametersOf(golden.model);
    ThreadPool pool(1);
    const auto model = MakeModel(golden.model, golden.samples, &pool);
    ASSERT_TRUE(model.ok()) << model.status();
    ASSERT_EQ(theta.size(), static_cast<size_t>((*model)->parameters()));
    std::vector<float> gradient(theta.size(), NAN);
    NoObserver everything;
    const SampleSums sums = (*model)->Gradient(
        theta.data(), TextOf(golden), kKey, 1.0f, gradient.data(), &everything);
    EXPECT_NEAR(sums.MeanLoss() * static_cast<double>(golden.samples),
                golden.loss, 1e-5 * golden.loss);
    EXPECT_LT(RelativeError(gradient, golden.gradient), 1e-4);
  }
}

}  // namespace
}  // namespace hawser
