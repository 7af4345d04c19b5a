// What computing costs: virtual time for each partial sum that a worker pushes.
//
// Not thread-safe.
#ifndef HAWSER_TESTS_SIMULATION_PACE_H_
#define HAWSER_TESTS_SIMULATION_PACE_H_

#include "absl/time/time.h"
#include "common/wire/frame.h"
#include "tests/simulation/process.h"
#include "tests/simulation/seeded_random.h"

namespace hawser::simulation {

class Pace {
 public:
  Pace(Process* worker, absl::Duration mean, SeededRandom* random)
      : worker_(worker), mean_(mean), random_(random) {}

  // How many times as long it takes.
  void SetSlowness(double slowness) { slowness_ = slowness; }

  // On the worker's fiber: the time it took to compute what is pushed now.
  void Charge(const FrameHeader& push) {
    if (push.clock == step_ && push.tree_node == node_) return;
    step_ = push.clock;
    node_ = push.tree_node;
    if (mean_ == absl::ZeroDuration()) return;
    worker_->Sleep(slowness_ * random_->Between(mean_ / 2, mean_ * 1.5));
  }

 private:
  Process* const worker_;
  const absl::Duration mean_;
  SeededRandom* const random_;
  double slowness_ = 1;
  // Of the last push; blocks of one sum are pushed one after the other.
  uint64_t step_ = ~uint64_t{0};
  TreeNode node_;
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_PACE_H_
