#include "worker/local_steps.h"

#include <algorithm>
#include <cmath>

#include "common/optimizer/learning_rate.h"
#include "common/vector_ops.h"
#include "glog/logging.h"

namespace hawser {
namespace {

std::unique_ptr<Optimizer> OptimizerOf(const JobSpec& complete) {
  auto optimizer = MakeOptimizer(complete.optimizer());
  CHECK(optimizer.ok()) << optimizer.status();  // the spec has been checked
  return *std::move(optimizer);
}

}  // namespace

float ClipFactor(double squared_norm, double limit) {
  const double norm = std::sqrt(squared_norm);
  return limit > 0 && norm > limit ? static_cast<float>(limit / norm) : 1.0f;
}

LocalSteps::LocalSteps(const Plan& plan)
    : spec_(plan.spec()),
      optimizer_steps_(plan.optimizer_steps()),
      steps_per_epoch_(plan.steps_per_epoch()),
      optimizer_(OptimizerOf(plan.spec())),
      parameters_(plan.parameters()),
      state_(optimizer_->StateNames().size()) {}

SampleSums LocalSteps::Change(const float* theta,
                              StepSchedule::OptimizerSteps steps,
                              const Gradient& mean_gradient, float* change) {
  const auto n = static_cast<int64_t>(parameters_);
  theta_.assign(theta, theta + parameters_);
  gradient_.resize(parameters_);
  std::vector<float*> state;
  for (size_t i = 0; i < state_.size(); ++i) {
    state_[i].assign(parameters_,
                     optimizer_->InitialState(static_cast<int>(i)));
    state.push_back(state_[i].data());
  }
  SampleSums sums;
  uint64_t updates = 0;
  for (uint64_t i = 0; i < steps.count; ++i) {
    const SampleSums of_step =
        mean_gradient(steps.first + i, theta_.data(), gradient_.data());
    if (of_step.samples == 0) continue;
    sums += of_step;
    UpdateStep update;
    update.step = updates++;
    update.learning_rate =
        LearningRateAt(spec_.learning_rate(), steps.first + i, optimizer_steps_,
                       steps_per_epoch_);
    update.gradient_scale = ClipFactor(SquaredNorm(gradient_.data(), n),
                                       spec_.optimizer().clip_global_norm());
    optimizer_->Apply(update, theta_.data(), gradient_.data(), n, theta_.data(),
                      absl::MakeSpan(state));
  }
  for (int64_t i = 0; i < n; ++i) {
    change[i] = theta[i] - theta_[static_cast<size_t>(i)];
  }
  return sums;
}

}  // namespace hawser
