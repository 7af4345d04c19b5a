// What computing costs: virtual time for each micro-batch, drawn anew each
// time: uniform in half the mean to one and a half, or lognormal with a
// deviation.
//
// Not thread-safe.
#ifndef HAWSER_TESTS_SIMULATION_PACE_H_
#define HAWSER_TESTS_SIMULATION_PACE_H_

#include <cmath>

#include "absl/time/time.h"
#include "tests/simulation/seeded_random.h"

namespace hawser::simulation {

class Pace {
 public:
  // variation: the lognormal's standard deviation over its mean; 0: uniform.
  Pace(absl::Duration mean, double variation, SeededRandom* random)
      : mean_(mean), variation_(variation), random_(random) {}

  // How many times as long it takes.
  void SetSlowness(double slowness) { slowness_ = slowness; }

  // Of the next micro-batch.
  absl::Duration Next() {
    if (variation_ == 0) {
      return slowness_ * random_->Between(mean_ / 2, mean_ * 1.5);
    }
    const double variance = std::log1p(variation_ * variation_);
    return slowness_ *
           std::exp(random_->Normal() * std::sqrt(variance) - variance / 2) *
           mean_;
  }

 private:
  const absl::Duration mean_;
  const double variation_;
  SeededRandom* const random_;
  double slowness_ = 1;
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_PACE_H_
