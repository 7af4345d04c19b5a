// What computing costs: virtual time for each micro-batch.
//
// Not thread-safe.
#ifndef HAWSER_TESTS_SIMULATION_PACE_H_
#define HAWSER_TESTS_SIMULATION_PACE_H_

#include "absl/time/time.h"
#include "tests/simulation/seeded_random.h"

namespace hawser::simulation {

class Pace {
 public:
  Pace(absl::Duration mean, SeededRandom* random)
      : mean_(mean), random_(random) {}

  // How many times as long it takes.
  void SetSlowness(double slowness) { slowness_ = slowness; }

  // Of the next micro-batch.
  absl::Duration Next() {
    return slowness_ * random_->Between(mean_ / 2, mean_ * 1.5);
  }

 private:
  const absl::Duration mean_;
  SeededRandom* const random_;
  double slowness_ = 1;
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_PACE_H_
