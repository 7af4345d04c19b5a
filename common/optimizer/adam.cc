#include "common/optimizer/adam.h"

#include <cmath>

#include "common/simd.h"

namespace hawser {
namespace {

// What is the same for every element of a step, computed in double.
struct Coefficients {
  float scale;
  float l2;      // weight decay in the gradient (Adam)
  float shrink;  // 1 - rate * weight decay (AdamW), else 1
  float beta1;
  float one_minus_beta1;
  float beta2;
  float one_minus_beta2;
  float step_size;         // rate / (1 - beta1^t)
  float correction2_root;  // sqrt(1 - beta2^t)
  float epsilon;
};

HAWSER_SIMD
void AdamPass(const Coefficients& c, const float* theta_in,
              const float* gradient, int64_t n, float* theta_out,
              float* __restrict first, float* __restrict second) {
  const auto update = [=](int64_t i) HAWSER_INLINE_LAMBDA {
    const float theta = theta_in[i];
    const float g = gradient[i] * c.scale + c.l2 * theta;
    const float m = c.beta1 * first[i] + c.one_minus_beta1 * g;
    const float v = c.beta2 * second[i] + c.one_minus_beta2 * (g * g);
    first[i] = m;
    second[i] = v;
    const float denominator =
        __builtin_sqrtf(v) / c.correction2_root + c.epsilon;
    theta_out[i] = theta * c.shrink - c.step_size * m / denominator;
  };
  // What is only written counts, too: its lines are read before.
  ByLine({theta_in, gradient, first, second, theta_out}, n, update);
}

class Adam : public Optimizer {
 public:
  Adam(const AdamSpec& spec, double weight_decay, bool decoupled)
      : spec_(spec), weight_decay_(weight_decay), decoupled_(decoupled) {}

  std::vector<std::string> StateNames() const override {
    return {"first_moment", "second_moment"};
  }
  float InitialState(int) const override { return 0; }

  void Apply(const UpdateStep& step, const float* theta_in,
             const float* gradient_sum, int64_t n, float* theta_out,
             absl::Span<float* const> state) const override {
    const auto t = static_cast<double>(step.step + 1);
    const double correction1 = 1 - std::pow(spec_.beta1(), t);
    const double correction2 = 1 - std::pow(spec_.beta2(), t);
    Coefficients c;
    c.scale = step.gradient_scale;
    c.l2 = decoupled_ ? 0 : static_cast<float>(weight_decay_);
    c.shrink = decoupled_
                   ? static_cast<float>(1 - step.learning_rate * weight_decay_)
                   : 1;
    c.beta1 = static_cast<float>(spec_.beta1());
    c.one_minus_beta1 = static_cast<float>(1 - spec_.beta1());
    c.beta2 = static_cast<float>(spec_.beta2());
    c.one_minus_beta2 = static_cast<float>(1 - spec_.beta2());
    c.step_size = static_cast<float>(step.learning_rate / correction1);
    c.correction2_root = static_cast<float>(std::sqrt(correction2));
    c.epsilon = static_cast<float>(spec_.epsilon());
    AdamPass(c, theta_in, gradient_sum, n, theta_out, state[0], state[1]);
  }

 private:
  const AdamSpec spec_;
  const double weight_decay_;
  const bool decoupled_;
};

}  // namespace

std::unique_ptr<Optimizer> MakeAdam(const OptimizerSpec& complete) {
  const bool decoupled = complete.has_adamw();
  return std::make_unique<Adam>(decoupled ? complete.adamw() : complete.adam(),
                                complete.weight_decay(), decoupled);
}

}  // namespace hawser
