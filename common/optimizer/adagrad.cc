#include "common/optimizer/adagrad.h"

#include "common/simd.h"

namespace hawser {
namespace {

struct Coefficients {
  float rate;
  float scale;
  float decay;
  float epsilon;
};

HAWSER_SIMD
void AdagradPass(const Coefficients& c, const float* theta_in,
                 const float* gradient, int64_t n, float* theta_out,
                 float* __restrict accumulator) {
  const auto update = [=](int64_t i) HAWSER_INLINE_LAMBDA {
    const float g = gradient[i] * c.scale + c.decay * theta_in[i];
    const float sum = accumulator[i] + g * g;
    accumulator[i] = sum;
    theta_out[i] =
        theta_in[i] - c.rate * g / (__builtin_sqrtf(sum) + c.epsilon);
  };
  // What is only written counts, too: its lines are read before.
  ByLine({theta_in, gradient, accumulator, theta_out}, n, update);
}

class Adagrad : public Optimizer {
 public:
  explicit Adagrad(const OptimizerSpec& spec)
      : initial_(static_cast<float>(spec.adagrad().initial_accumulator())),
        epsilon_(static_cast<float>(spec.adagrad().epsilon())),
        decay_(static_cast<float>(spec.weight_decay())) {}

  std::vector<std::string> StateNames() const override {
    return {"accumulator"};
  }
  float InitialState(int) const override { return initial_; }

  void Apply(const UpdateStep& step, const float* theta_in,
             const float* gradient_sum, int64_t n, float* theta_out,
             absl::Span<float* const> state) const override {
    AdagradPass({static_cast<float>(step.learning_rate), step.gradient_scale,
                 decay_, epsilon_},
                theta_in, gradient_sum, n, theta_out, state[0]);
  }

 private:
  const float initial_;
  const float epsilon_;
  const float decay_;
};

}  // namespace

std::unique_ptr<Optimizer> MakeAdagrad(const OptimizerSpec& complete) {
  return std::make_unique<Adagrad>(complete);
}

}  // namespace hawser
