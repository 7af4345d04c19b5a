#include "common/optimizer/sgd.h"

#include "common/simd.h"

namespace hawser {
namespace {

struct Coefficients {
  float rate;
  float scale;
  float decay;
  float momentum;
};

HAWSER_SIMD
void Plain(const Coefficients& c, const float* theta_in, const float* gradient,
           int64_t n, float* theta_out) {
  HAWSER_ELEMENTS_ARE_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) {
    const float g = gradient[i] * c.scale + c.decay * theta_in[i];
    theta_out[i] = theta_in[i] - c.rate * g;
  }
}

HAWSER_SIMD
void Momentum(const Coefficients& c, const float* theta_in,
              const float* gradient, int64_t n, float* theta_out,
              float* __restrict velocity) {
  HAWSER_ELEMENTS_ARE_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) {
    const float g = gradient[i] * c.scale + c.decay * theta_in[i];
    const float v = c.momentum * velocity[i] + g;
    velocity[i] = v;
    theta_out[i] = theta_in[i] - c.rate * v;
  }
}

HAWSER_SIMD
void Nesterov(const Coefficients& c, const float* theta_in,
              const float* gradient, int64_t n, float* theta_out,
              float* __restrict velocity) {
  HAWSER_ELEMENTS_ARE_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) {
    const float g = gradient[i] * c.scale + c.decay * theta_in[i];
    const float v = c.momentum * velocity[i] + g;
    velocity[i] = v;
    theta_out[i] = theta_in[i] - c.rate * (g + c.momentum * v);
  }
}

class Sgd : public Optimizer {
 public:
  explicit Sgd(const OptimizerSpec& spec)
      : momentum_(static_cast<float>(spec.sgd().momentum())),
        nesterov_(spec.sgd().nesterov()),
        decay_(static_cast<float>(spec.weight_decay())) {}

  std::vector<std::string> StateNames() const override {
    if (momentum_ == 0) return {};
    return {"velocity"};
  }
  float InitialState(int) const override { return 0; }

  void Apply(const UpdateStep& step, const float* theta_in,
             const float* gradient_sum, int64_t n, float* theta_out,
             absl::Span<float* const> state) const override {
    const Coefficients c = {static_cast<float>(step.learning_rate),
                            step.gradient_scale, decay_, momentum_};
    if (momentum_ == 0) {
      Plain(c, theta_in, gradient_sum, n, theta_out);
    } else if (nesterov_) {
      Nesterov(c, theta_in, gradient_sum, n, theta_out, state[0]);
    } else {
      Momentum(c, theta_in, gradient_sum, n, theta_out, state[0]);
    }
  }

 private:
  const float momentum_;
  const bool nesterov_;
  const float decay_;
};

}  // namespace

std::unique_ptr<Optimizer> MakeSgd(const OptimizerSpec& complete) {
  return std::make_unique<Sgd>(complete);
}

}  // namespace hawser
