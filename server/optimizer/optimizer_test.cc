#include "server/optimizer/optimizer.h"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/optimizer/learning_rate.h"

namespace hawser {
namespace {

// tests/golden/optimizer.txt, by the name before the figures.
std::map<std::string, std::vector<double>> Golden() {
  std::ifstream file("tests/golden/optimizer.txt");
  EXPECT_TRUE(file.good());
  std::map<std::string, std::vector<double>> golden;
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string name, second;
    words >> name;
    if (name == "rate") {
      words >> second;
      name += " " + second;
    }
    double value = 0;
    while (words >> value) golden[name].push_back(value);
  }
  return golden;
}

OptimizerSpec Spec(const std::string& name) {
  OptimizerSpec spec;
  if (name == "sgd" || name == "sgd_decay") spec.mutable_sgd();
  if (name == "momentum") spec.mutable_sgd()->set_momentum(0.9);
  if (name == "nesterov") {
    spec.mutable_sgd()->set_momentum(0.8);
    spec.mutable_sgd()->set_nesterov(true);
  }
  const auto adam = [](double beta1, double beta2, double epsilon) {
    AdamSpec result;
    result.set_beta1(beta1);
    result.set_beta2(beta2);
    result.set_epsilon(epsilon);
    return result;
  };
  if (name == "adam") *spec.mutable_adam() = adam(0.9, 0.999, 1e-8);
  if (name == "adam_decay") *spec.mutable_adam() = adam(0.8, 0.95, 1e-4);
  if (name == "adamw") *spec.mutable_adamw() = adam(0.9, 0.999, 1e-8);
  if (name == "adagrad") {
    spec.mutable_adagrad()->set_epsilon(1e-10);
    spec.mutable_adagrad()->set_initial_accumulator(0.1);
  }
  if (name != "sgd" && name != "adam") spec.set_weight_decay(0.05);
  return spec;
}

const char* const kNames[] = {"sgd",  "sgd_decay",  "momentum", "nesterov",
                              "adam", "adam_decay", "adamw",    "adagrad"};

TEST(OptimizerTest, EveryOneAgreesWithPyTorch) {
  constexpr int kSize = 5, kSteps = 12;
  const auto golden = Golden();
  for (const std::string name : kNames) {
    const auto optimizer = MakeOptimizer(Spec(name));
    ASSERT_TRUE(optimizer.ok());
    std::vector<float> theta(kSize);
    for (int i = 0; i < kSize; ++i) {
      theta[static_cast<size_t>(i)] = static_cast<float>((i - 2) / 3.0);
    }
    std::vector<std::vector<float>> state;
    std::vector<float*> pointers;
    for (size_t s = 0; s < (*optimizer)->StateNames().size(); ++s) {
      state.emplace_back(kSize,
                         (*optimizer)->InitialState(static_cast<int>(s)));
    }
    for (auto& vector : state) pointers.push_back(vector.data());
    ASSERT_EQ(golden.at(name).size(), size_t{kSize * kSteps});
    for (int t = 0; t < kSteps; ++t) {
      std::vector<float> sum(kSize);
      for (int i = 0; i < kSize; ++i) {
        // The mean over 4 micro-batches, given as their sum.
        sum[static_cast<size_t>(i)] = static_cast<float>(
            4 * std::sin(1 + 1.7 * i + 0.6 * t) * std::exp2(i - 2));
      }
      const UpdateStep step = {static_cast<uint64_t>(t), 0.1 / (1 + t), 0.25f};
      (*optimizer)
          ->Apply(step, theta.data(), sum.data(), kSize, theta.data(),
                  absl::MakeSpan(pointers));
      for (int i = 0; i < kSize; ++i) {
        const double expected =
            golden.at(name)[static_cast<size_t>(t * kSize + i)];
        EXPECT_NEAR(theta[static_cast<size_t>(i)], expected,
                    2e-6 * std::max(1.0, std::abs(expected)))
            << name << " step " << t << " element " << i;
      }
    }
  }
}

TEST(OptimizerTest, AnyCutAlignmentOrTargetGivesTheSameBits) {
  constexpr size_t kSize = 1003;
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  for (const std::string name : kNames) {
    const auto optimizer = MakeOptimizer(Spec(name));
    ASSERT_TRUE(optimizer.ok());
    const size_t states = (*optimizer)->StateNames().size();
    std::vector<float> theta(kSize), gradient(kSize);
    std::vector<std::vector<float>> state(states, std::vector<float>(kSize));
    for (float& value : theta) value = normal(random);
    for (float& value : gradient) value = normal(random);
    for (auto& vector : state) {
      for (float& value : vector) value = std::abs(normal(random));
    }
    const UpdateStep step = {3, 0.01, 0.125f};
    // cut: run in pieces of that many elements, from an odd address.
    const auto run = [&](size_t cut, bool in_place) {
      std::vector<float> in(kSize + 1), out(kSize + 1);
      std::copy(theta.begin(), theta.end(), in.begin() + 1);
      auto states_now = state;
      for (size_t at = 0; at < kSize; at += cut) {
        std::vector<float*> pointers;
        for (auto& vector : states_now) pointers.push_back(vector.data() + at);
        float* target = (in_place ? in.data() : out.data()) + 1 + at;
        (*optimizer)
            ->Apply(step, in.data() + 1 + at, gradient.data() + at,
                    static_cast<int64_t>(std::min(cut, kSize - at)), target,
                    absl::MakeSpan(pointers));
      }
      std::vector<float> result = in_place ? in : out;
      result.erase(result.begin());
      for (const auto& vector : states_now) {
        result.insert(result.end(), vector.begin(), vector.end());
      }
      return result;
    };
    const std::vector<float> whole = run(kSize, false);
    for (const size_t cut : {size_t{1}, size_t{3}, size_t{16}, size_t{250}}) {
      EXPECT_EQ(run(cut, false), whole) << name << " " << cut;
    }
    EXPECT_EQ(run(kSize, true), whole) << name;
  }
}

TEST(LearningRateTest, AgreesWithPyTorchsSchedulers) {
  const auto golden = Golden();
  LearningRateSpec cosine;
  cosine.set_base(0.3);
  cosine.mutable_cosine()->set_final_ratio(0.1);
  LearningRateSpec step;
  step.set_base(0.3);
  step.mutable_step()->set_every_epochs(2);
  step.mutable_step()->set_factor(0.5);
  for (uint64_t t = 0; t <= 20; ++t) {
    EXPECT_NEAR(LearningRateAt(cosine, t, 21, 3), golden.at("rate cosine")[t],
                1e-12);
    EXPECT_NEAR(LearningRateAt(step, t, 21, 3), golden.at("rate step")[t],
                1e-12);
  }
}

TEST(LearningRateTest, WarmUpRisesToTheBaseAndCosineEndsAtItsRatio) {
  LearningRateSpec spec;
  spec.set_base(2);
  spec.set_warmup_steps(4);
  spec.mutable_cosine();
  EXPECT_DOUBLE_EQ(LearningRateAt(spec, 0, 100, 10), 0.5);
  EXPECT_DOUBLE_EQ(LearningRateAt(spec, 3, 100, 10), 2);
  EXPECT_DOUBLE_EQ(LearningRateAt(spec, 4, 100, 10), 2);
  EXPECT_NEAR(LearningRateAt(spec, 99, 100, 10), 0, 1e-12);
  spec.mutable_constant();
  EXPECT_DOUBLE_EQ(LearningRateAt(spec, 50, 100, 10), 2);
  EXPECT_DOUBLE_EQ(LearningRateAt(spec, 4, 5, 10), 2);
}

}  // namespace
}  // namespace hawser
