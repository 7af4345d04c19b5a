// Optimizer steps that a micro-batch takes on its own between two exchanges:
// local SGD, the inner steps of DiLoCo (Douillard et al., 2023). What the
// servers get is the change, as if it were a gradient.
//
// The optimizer's state is fresh every time, since workers keep nothing: so a
// change is a function of (spec, data, parameters, step, micro-batch) alone.
//
// Not thread-safe. Buffers are kept from call to call.
#ifndef HAWSER_WORKER_LOCAL_STEPS_H_
#define HAWSER_WORKER_LOCAL_STEPS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "common/job/step_schedule.h"
#include "common/metrics.h"
#include "common/optimizer/optimizer.h"
#include "proto/plan.pb.h"

namespace hawser {

class LocalSteps {
 public:
  // Writes the mean gradient of the micro-batch's samples in one optimizer step
  // at theta, and returns their sums; no samples: zeros.
  using Gradient = std::function<SampleSums(
      uint64_t optimizer_step, const float* theta, float* gradient)>;

  explicit LocalSteps(const Plan& plan);

  // change = theta - (theta after the steps), both [parameters]. The sums are
  // those of all steps.
  SampleSums Change(const float* theta, StepSchedule::OptimizerSteps steps,
                    const Gradient& mean_gradient, float* change);

 private:
  const JobSpec spec_;
  const uint64_t optimizer_steps_;
  const uint64_t steps_per_epoch_;
  const std::unique_ptr<Optimizer> optimizer_;
  const size_t parameters_;
  // Empty until the first change: most jobs take no steps of their own.
  std::vector<float> theta_;
  std::vector<float> gradient_;
  std::vector<std::vector<float>> state_;
};

// The factor that brings a gradient's norm down to the limit; 1 if it is below
// it, or the limit is 0 (none).
float ClipFactor(double squared_norm, double limit);

}  // namespace hawser

#endif  // HAWSER_WORKER_LOCAL_STEPS_H_
