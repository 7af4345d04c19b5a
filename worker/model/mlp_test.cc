#include "worker/model/mlp.h"

#include <cmath>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "common/job/model_layout.h"
#include "gtest/gtest.h"
#include "worker/backend/cpu/cpu_backend.h"
#include "worker/backend/thread_pool.h"
#include "worker/model/gradient_by_layers.h"
#include "worker/model/mlp_reference.h"
#include "worker/model/random_features.h"

namespace hawser {
namespace {

struct Case {
  std::string name;
  ModelSpec model;
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  const auto add = [&](const std::string& name, std::vector<uint32_t> sizes,
                       Activation activation, double dropout,
                       double input_dropout, double smoothing) {
    Case next;
    next.name = name;
    MlpSpec* mlp = next.model.mutable_mlp();
    for (const uint32_t size : sizes) mlp->add_layer_sizes(size);
    mlp->set_activation(activation);
    mlp->set_dropout(dropout);
    mlp->set_input_dropout(input_dropout);
    mlp->set_label_smoothing(smoothing);
    cases.push_back(next);
  };
  add("linear", {7, 3}, RELU, 0, 0, 0);
  add("relu", {9, 8, 4}, RELU, 0, 0, 0);
  add("gelu", {9, 8, 4}, GELU, 0, 0, 0);
  add("tanh", {9, 8, 4}, TANH, 0, 0, 0);
  add("deep", {6, 11, 7, 5, 3}, GELU, 0, 0, 0);
  add("dropout_relu", {9, 8, 6, 4}, RELU, 0.4, 0, 0);
  add("dropout_tanh", {9, 8, 6, 4}, TANH, 0.4, 0.2, 0);
  add("everything", {9, 16, 12, 4}, GELU, 0.3, 0.2, 0.1);
  add("wide", {300, 200, 10}, TANH, 0.1, 0, 0);
  return cases;
}

std::vector<float> RandomTheta(int64_t n, std::mt19937* random) {
  std::normal_distribution<float> value(0, 0.3f);
  std::vector<float> theta;
  for (int64_t i = 0; i < n; ++i) theta.push_back(value(*random));
  return theta;
}

const MicroBatchKey kKey = {42, 17, 3};

TEST(MlpReferenceTest, AgreesWithFiniteDifferences) {
  std::mt19937 random(1);
  for (const Case& each : Cases()) {
    if (each.name == "wide") continue;  // the same code, only slower
    SCOPED_TRACE(each.name);
    ThreadPool pool(1);
    const auto model = MakeMlp(each.model, 4, MakeCpuBackend(&pool));
    ASSERT_TRUE(model.ok());
    const Batch batch = RandomFeatures(each.model.mlp(), 3, &random);
    const std::vector<float> start =
        RandomTheta((*model)->parameters(), &random);
    std::vector<double> theta(start.begin(), start.end());
    const MlpReference reference(each.model.mlp());
    std::vector<double> gradient(theta.size(), 0);
    reference.Loss(theta, batch, kKey, &gradient);
    constexpr double kStep = 1e-5;
    double error = 0, norm = 0;
    for (size_t i = 0; i < theta.size(); ++i) {
      const double kept = theta[i];
      theta[i] = kept + kStep;
      const double above = reference.Loss(theta, batch, kKey, nullptr);
      theta[i] = kept - kStep;
      const double below = reference.Loss(theta, batch, kKey, nullptr);
      theta[i] = kept;
      const double numeric = (above - below) / (2 * kStep);
      error += (numeric - gradient[i]) * (numeric - gradient[i]);
      norm += gradient[i] * gradient[i];
    }
    EXPECT_LT(std::sqrt(error / norm), 1e-7);
  }
}

TEST(MlpTest, GradientAndLossAgreeWithTheReference) {
  std::mt19937 random(2);
  for (const Case& each : Cases()) {
    SCOPED_TRACE(each.name);
    ThreadPool pool(1);
    const auto model = MakeMlp(each.model, 16, MakeCpuBackend(&pool));
    ASSERT_TRUE(model.ok());
    for (const int64_t samples : {1, 5, 16}) {
      const Batch batch = RandomFeatures(each.model.mlp(), samples, &random);
      const std::vector<float> theta =
          RandomTheta((*model)->parameters(), &random);
      const std::vector<double> exact(theta.begin(), theta.end());
      const MlpReference reference(each.model.mlp());
      std::vector<double> expected(theta.size(), 0);
      reference.Loss(exact, batch, kKey, &expected);
      std::vector<float> gradient(theta.size(), NAN);
      NoObserver everything;
      const SampleSums sums = (*model)->Gradient(
          theta.data(), batch, kKey, 0.25f, gradient.data(), &everything);
      double error = 0, norm = 0;
      for (size_t i = 0; i < theta.size(); ++i) {
        const double difference = gradient[i] - 0.25 * expected[i];
        error += difference * difference;
        norm += 0.25 * expected[i] * 0.25 * expected[i];
      }
      EXPECT_LT(std::sqrt(error / norm), 1e-5);
      EXPECT_EQ(sums.samples, samples);
      // Evaluation: no dropout, no smoothing.
      MlpSpec plain = each.model.mlp();
      plain.clear_dropout();
      plain.clear_input_dropout();
      plain.clear_label_smoothing();
      const double loss = MlpReference(plain).Loss(exact, batch, kKey, nullptr);
      const SampleSums evaluated = (*model)->Evaluate(theta.data(), batch);
      EXPECT_NEAR(evaluated.MeanLoss() * static_cast<double>(samples), loss,
                  2e-5 * (1 + loss));
      EXPECT_EQ(evaluated.samples, samples);
    }
  }
}

TEST(MlpTest, AgreesWithPyTorch) {
  std::ifstream file("tests/golden/mlp.txt");
  ASSERT_TRUE(file.good());
  std::string name;
  int cases = 0;
  while (file >> name) {
    SCOPED_TRACE(name);
    ++cases;
    int64_t samples = 0, parameters = 0;
    int layers = 0;
    file >> layers;
    ModelSpec model;
    for (int i = 0; i < layers; ++i) {
      uint32_t size = 0;
      file >> size;
      model.mutable_mlp()->add_layer_sizes(size);
    }
    model.mutable_mlp()->set_activation(name == "gelu"   ? GELU
                                        : name == "tanh" ? TANH
                                                         : RELU);
    double smoothing = 0, loss = 0;
    file >> smoothing >> samples >> parameters >> loss;
    model.mutable_mlp()->set_label_smoothing(smoothing);
    const auto read = [&](int64_t n) {
      std::vector<double> values(static_cast<size_t>(n));
      for (double& value : values) file >> value;
      return values;
    };
    Batch batch;
    batch.samples = samples;
    for (const double label : read(samples)) {
      batch.labels.push_back(static_cast<int32_t>(label));
    }
    for (const double value : read(samples * model.mlp().layer_sizes(0))) {
      batch.features.push_back(static_cast<float>(value));
    }
    std::vector<float> theta;
    for (const double value : read(parameters)) {
      theta.push_back(static_cast<float>(value));
    }
    const std::vector<double> expected = read(parameters);
    ASSERT_TRUE(file.good());
    ThreadPool pool(1);
    const auto made = MakeMlp(model, samples, MakeCpuBackend(&pool));
    ASSERT_TRUE(made.ok());
    ASSERT_EQ((*made)->parameters(), parameters);
    std::vector<float> gradient(theta.size());
    NoObserver everything;
    (*made)->Gradient(theta.data(), batch, kKey, 1.0f, gradient.data(),
                      &everything);
    double error = 0, norm = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
      error += std::pow(gradient[i] - expected[i], 2);
      norm += std::pow(expected[i], 2);
    }
    EXPECT_LT(std::sqrt(error / norm), 1e-5);
    // The loss PyTorch reports is against the smoothed target.
    const std::vector<double> exact(theta.begin(), theta.end());
    EXPECT_NEAR(MlpReference(model.mlp()).Loss(exact, batch, kKey, nullptr),
                loss, 1e-5 * loss);
  }
  EXPECT_EQ(cases, 4);
}

TEST(MlpTest, AnyNumberOfThreadsGivesTheSameBitsAndSoDoLayersThatComeAndGo) {
  std::mt19937 random(3);
  ModelSpec spec;
  for (const uint32_t size : {784, 512, 300, 10}) {
    spec.mutable_mlp()->add_layer_sizes(size);
  }
  spec.mutable_mlp()->set_activation(RELU);
  spec.mutable_mlp()->set_dropout(0.2);
  const Batch batch = RandomFeatures(spec.mlp(), 100, &random);
  const std::vector<LayerShape> layers = LayoutOf(spec)->layers;
  std::vector<float> theta, first;
  for (const int threads : {1, 2, 3, 4}) {
    ThreadPool pool(threads);
    const auto model = MakeMlp(spec, 100, MakeCpuBackend(&pool));
    ASSERT_TRUE(model.ok());
    if (theta.empty()) theta = RandomTheta((*model)->parameters(), &random);
    std::vector<float> gradient(theta.size());
    NoObserver everything;
    (*model)->Gradient(theta.data(), batch, kKey, 0.5f, gradient.data(),
                       &everything);
    if (first.empty()) first = gradient;
    EXPECT_EQ(gradient, first) << threads << " threads";
    EXPECT_EQ(GradientByLayers(model->get(), layers, theta, batch, kKey, 0.5f),
              first);
    ExpectNothingWithoutParameters(
        model->get(), static_cast<int>(layers.size()), theta, batch);
  }
}

TEST(MlpTest, AnEmptyBatchGivesZeros) {
  ModelSpec spec;
  for (const uint32_t size : {5, 4, 3}) {
    spec.mutable_mlp()->add_layer_sizes(size);
  }
  ThreadPool pool(1);
  const auto model = MakeMlp(spec, 8, MakeCpuBackend(&pool));
  ASSERT_TRUE(model.ok());
  const std::vector<float> theta(static_cast<size_t>((*model)->parameters()),
                                 0.5f);
  std::vector<float> gradient(theta.size(), NAN);
  NoObserver everything;
  const SampleSums sums = (*model)->Gradient(theta.data(), Batch(), kKey, 1.0f,
                                             gradient.data(), &everything);
  EXPECT_EQ(sums, SampleSums());
  EXPECT_EQ(gradient, std::vector<float>(theta.size(), 0.0f));
}

TEST(MlpTest, DataThatDoesNotFitIsRefused) {
  ModelSpec spec;
  for (const uint32_t size : {5, 3}) spec.mutable_mlp()->add_layer_sizes(size);
  ThreadPool pool(1);
  const auto model = MakeMlp(spec, 8, MakeCpuBackend(&pool));
  ASSERT_TRUE(model.ok());
  EXPECT_TRUE((*model)->CheckData({5, 3}).ok());
  EXPECT_TRUE((*model)->CheckData({5, 2}).ok());
  EXPECT_FALSE((*model)->CheckData({6, 3}).ok());
  EXPECT_FALSE((*model)->CheckData({5, 4}).ok());
}

}  // namespace
}  // namespace hawser
