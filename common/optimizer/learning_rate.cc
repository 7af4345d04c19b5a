#include "common/optimizer/learning_rate.h"

#include <cmath>
#include <numbers>

namespace hawser {
namespace {

double Decay(const LearningRateSpec& spec, uint64_t step, uint64_t total_steps,
             uint64_t steps_per_epoch) {
  switch (spec.decay_case()) {
    case LearningRateSpec::kCosine: {
      const uint64_t warmup = spec.warmup_steps();
      if (total_steps <= warmup + 1) return 1;
      const double progress = static_cast<double>(step - warmup) /
                              static_cast<double>(total_steps - 1 - warmup);
      const double ratio = spec.cosine().final_ratio();
      return ratio +
             (1 - ratio) * 0.5 * (1 + std::cos(std::numbers::pi * progress));
    }
    case LearningRateSpec::kStep: {
      const uint64_t every_epochs = spec.step().every_epochs();
      const uint64_t decays = every_epochs > 0
                                  ? step / steps_per_epoch / every_epochs
                                  : step / spec.step().every_steps();
      return std::pow(spec.step().factor(), static_cast<double>(decays));
    }
    default:
      return 1;
  }
}

}  // namespace

double LearningRateAt(const LearningRateSpec& spec, uint64_t step,
                      uint64_t total_steps, uint64_t steps_per_epoch) {
  if (step < spec.warmup_steps()) {
    return spec.base() * static_cast<double>(step + 1) /
           static_cast<double>(spec.warmup_steps());
  }
  return spec.base() * Decay(spec, step, total_steps, steps_per_epoch);
}

double RateForShare(const OptimizerSpec& optimizer, double share) {
  return optimizer.has_sgd() ? share : std::sqrt(share);
}

}  // namespace hawser
