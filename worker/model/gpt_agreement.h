// Whether a GPT computes what the reference does, on any backend; for tests.
#ifndef HAWSER_WORKER_MODEL_GPT_AGREEMENT_H_
#define HAWSER_WORKER_MODEL_GPT_AGREEMENT_H_

#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "worker/model/gpt_cases.h"
#include "worker/model/gpt_reference.h"
#include "worker/model/model.h"

namespace hawser {

inline constexpr MicroBatchKey kKey = {42, 17, 3};
inline constexpr float kScale = 0.25f;

struct Outcome {
  SampleSums sums;
  std::vector<float> gradient;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

inline Outcome GradientOf(Model* model, const std::vector<float>& theta,
                          const Batch& batch) {
  Outcome outcome;
  outcome.gradient.assign(theta.size(), NAN);
  NoObserver everything;
  outcome.sums = model->Gradient(theta.data(), batch, kKey, kScale,
                                 outcome.gradient.data(), &everything);
  return outcome;
}

struct Example {
  explicit Example(const GptCase& of, uint32_t seed = 1, float deviation = 0.3f)
      : of(of) {
    std::mt19937 random(seed);
    batch = RandomText(of.model.gpt(), of.samples, &random);
    theta = RandomParameters(of.model, &random, deviation);
  }

  GptReference Reference(const MicroBatchKey* key) const {
    return GptReference(
        of.model, std::vector<double>(theta.begin(), theta.end()), batch, key);
  }

  GptCase of;
  Batch batch;
  std::vector<float> theta;
};

inline double Loss(const SampleSums& sums) {
  return 1e-9 * static_cast<double>(sums.loss_nanonats);
}

// The error of each tensor by its own norm, and of the whole.
inline void ExpectGradient(const Example& example,
                           const std::vector<float>& found, double tolerance) {
  const std::vector<double> expected = example.Reference(&kKey).Gradient();
  double error = 0, norm = 0;
  const auto add = [&](size_t first, size_t end) {
    double error_here = 0, norm_here = 0;
    for (size_t i = first; i < end; ++i) {
      const double scaled = kScale * expected[i];
      error_here += (found[i] - scaled) * (found[i] - scaled);
      norm_here += scaled * scaled;
    }
    error += error_here;
    norm += norm_here;
    return std::sqrt(error_here / norm_here);
  };
  for (const TensorRange& tensor : TensorsOf(example.of.model)) {
    EXPECT_LE(add(tensor.first, tensor.end), tolerance) << tensor.name;
  }
  EXPECT_LE(std::sqrt(error / norm), tolerance);
}

// model: of the example, for as many samples at least.
inline void ExpectAgreement(const Example& example, Model* model,
                            double gradient_tolerance, double loss_tolerance) {
  const GptCase& of = example.of;
  const Outcome found = GradientOf(model, example.theta, example.batch);
  EXPECT_EQ(found.sums.samples, of.samples);
  const double loss = example.Reference(&kKey).loss();
  EXPECT_NEAR(Loss(found.sums), loss, loss_tolerance * loss);
  ExpectGradient(example, found.gradient, gradient_tolerance);
  const SampleSums evaluated =
      model->Evaluate(example.theta.data(), example.batch);
  const double plain = example.Reference(nullptr).loss();
  EXPECT_EQ(evaluated.samples, of.samples);
  EXPECT_NEAR(Loss(evaluated), plain, loss_tolerance * plain);
}

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_GPT_AGREEMENT_H_
