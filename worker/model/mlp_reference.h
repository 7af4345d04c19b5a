// The slow obvious MLP in double precision: what the fast one is tested
// against, and itself tested against finite differences.
#ifndef HAWSER_WORKER_MODEL_MLP_REFERENCE_H_
#define HAWSER_WORKER_MODEL_MLP_REFERENCE_H_

#include <cmath>
#include <cstdint>
#include <vector>

#include "common/counter_random.h"
#include "proto/job.pb.h"
#include "worker/data/batch.h"
#include "worker/model/model.h"

namespace hawser {

class MlpReference {
 public:
  explicit MlpReference(const MlpSpec& spec) : spec_(spec) {}

  // Sum of the samples' losses; adds its gradient to `gradient` if given.
  double Loss(const std::vector<double>& theta, const Batch& batch,
              const MicroBatchKey& key, std::vector<double>* gradient) const {
    double total = 0;
    for (int64_t s = 0; s < batch.samples; ++s) {
      total += SampleLoss(theta, batch, s, key, gradient);
    }
    return total;
  }

 private:
  double Activate(double x) const {
    if (spec_.activation() == TANH) return std::tanh(x);
    if (spec_.activation() == GELU) {
      return 0.5 * x * (1 + std::tanh(GeluInner(x)));
    }
    return x > 0 ? x : 0;
  }
  double Derivative(double x) const {
    if (spec_.activation() == TANH) {
      return 1 - std::tanh(x) * std::tanh(x);
    }
    if (spec_.activation() == GELU) {
      const double t = std::tanh(GeluInner(x));
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * std::sqrt(2 / M_PI) *
                                 (1 + 3 * 0.044715 * x * x);
    }
    return x > 0 ? 1 : 0;
  }
  static double GeluInner(double x) {
    return std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
  }

  // The factor that dropout gives unit `unit` of sample `s` in layer `layer`.
  double Mask(const MicroBatchKey& key, int layer, double rate, int64_t width,
              int64_t s, int64_t unit) const {
    if (rate == 0) return 1;
    const CounterRandom random(key.seed, RandomPurpose::kDropout, key.step,
                               key.micro_batch, static_cast<uint64_t>(layer));
    const float uniform =
        random.Uniform(static_cast<uint64_t>(s * width + unit));
    return uniform < static_cast<float>(rate) ? 0 : 1 / (1 - rate);
  }

  double SampleLoss(const std::vector<double>& theta, const Batch& batch,
                    int64_t s, const MicroBatchKey& key,
                    std::vector<double>* gradient) const {
    const int layers = spec_.layer_sizes_size() - 1;
    std::vector<std::vector<double>> inputs(static_cast<size_t>(layers));
    std::vector<std::vector<double>> linear(static_cast<size_t>(layers));
    std::vector<size_t> offsets(static_cast<size_t>(layers));
    const int64_t features = spec_.layer_sizes(0);
    std::vector<double> x;
    for (int64_t i = 0; i < features; ++i) {
      x.push_back(batch.features[static_cast<size_t>(s * features + i)] *
                  Mask(key, 0, spec_.input_dropout(), features, s, i));
    }
    size_t offset = 0;
    for (int k = 0; k < layers; ++k) {
      const size_t n_in = spec_.layer_sizes(k),
                   n_out = spec_.layer_sizes(k + 1);
      const auto l = static_cast<size_t>(k);
      offsets[l] = offset;
      inputs[l] = x;
      x.clear();
      for (size_t o = 0; o < n_out; ++o) {
        double z = theta[offset + n_out * n_in + o];
        for (size_t i = 0; i < n_in; ++i) {
          z += theta[offset + o * n_in + i] * inputs[l][i];
        }
        linear[l].push_back(z);
        x.push_back(k + 1 == layers
                        ? z
                        : Activate(z) * Mask(key, k + 1, spec_.dropout(),
                                             static_cast<int64_t>(n_out), s,
                                             static_cast<int64_t>(o)));
      }
      offset += n_out * (n_in + 1);
    }
    // Softmax cross-entropy against the smoothed target.
    double sum = 0;
    for (const double z : x) sum += std::exp(z);
    double loss = 0;
    std::vector<double> delta(x.size());
    for (size_t c = 0; c < x.size(); ++c) {
      const double target =
          spec_.label_smoothing() / static_cast<double>(x.size()) +
          (static_cast<int32_t>(c) == batch.labels[static_cast<size_t>(s)]
               ? 1 - spec_.label_smoothing()
               : 0);
      loss -= target * (x[c] - std::log(sum));
      delta[c] = std::exp(x[c]) / sum - target;
    }
    if (gradient == nullptr) return loss;
    for (int k = layers - 1; k >= 0; --k) {
      const size_t n_in = spec_.layer_sizes(k),
                   n_out = spec_.layer_sizes(k + 1);
      const auto l = static_cast<size_t>(k);
      std::vector<double> before(n_in, 0);
      for (size_t o = 0; o < n_out; ++o) {
        (*gradient)[offsets[l] + n_out * n_in + o] += delta[o];
        for (size_t i = 0; i < n_in; ++i) {
          (*gradient)[offsets[l] + o * n_in + i] += delta[o] * inputs[l][i];
          before[i] += delta[o] * theta[offsets[l] + o * n_in + i];
        }
      }
      if (k == 0) break;
      for (size_t i = 0; i < n_in; ++i) {
        before[i] *= Derivative(linear[l - 1][i]) *
                     Mask(key, k, spec_.dropout(), static_cast<int64_t>(n_in),
                          s, static_cast<int64_t>(i));
      }
      delta = before;
    }
    return loss;
  }

  const MlpSpec spec_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_MLP_REFERENCE_H_
