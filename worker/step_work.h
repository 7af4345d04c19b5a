// What one worker computes for a job, whoever tells it what: gradients (or
// local changes) of micro-batches, validation, the hash of the parameters. A
// function of (spec, data, parameters, step, micro-batch) alone.
//
// Not thread-safe, except Cancel.
#ifndef HAWSER_WORKER_STEP_WORK_H_
#define HAWSER_WORKER_STEP_WORK_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/job/step_schedule.h"
#include "common/metrics.h"
#include "proto/plan.pb.h"
#include "worker/data/dataset.h"
#include "worker/data/sample_order.h"
#include "worker/local_steps.h"
#include "worker/model/model.h"
#include "worker/pace.h"
#include "worker/surroundings.h"

namespace hawser {

// Most samples of a micro-batch of this job.
int64_t LargestBatch(const Plan& plan);

class StepWork {
 public:
  // All outlive it.
  StepWork(const Plan& plan, const Dataset* data, Model* model,
           const Surroundings* surroundings);

  // Writes a micro-batch's part of the step, [parameters], such that the mean
  // over the micro-batches is the step's gradient (or local change).
  SampleSums MicroBatch(uint64_t step, uint32_t micro_batch, const float* theta,
                        float* gradient, LayerObserver* observer);

  // Scales the sum over `run` micro-batches down to the job's limit on the
  // norm of its mean, if it has one and the step's change is a gradient.
  void Clip(uint64_t step, uint32_t run, float* gradient_sum) const;

  // Measures chunks [first, last) of the validation data and reports them.
  absl::Status Validate(uint64_t step, uint32_t first_chunk,
                        uint32_t last_chunk, const float* theta);

  // Reports the hash of the parameters.
  absl::Status ReportHash(uint64_t step, const float* theta);

  // Where spans of this step belong.
  TraceScope ScopeOf(uint64_t step) const {
    return {surroundings_->trace, plan_.job(), step};
  }

  // Ends waiting soon. Any thread.
  void Cancel() { pace_.Cancel(); }

 private:
  SampleSums Gradient(uint64_t optimizer_step, uint32_t micro_batch,
                      float scale, const float* theta, float* gradient,
                      LayerObserver* observer);
  absl::Status Send(ReportRequest report);

  const Plan plan_;
  const StepSchedule schedule_;
  const Dataset* const data_;
  Model* const model_;
  const Surroundings* const surroundings_;
  Pace pace_;
  SampleOrder order_;
  LocalSteps local_steps_;
  Batch batch_;
  TraceScope scope_;  // of the micro-batch
};

}  // namespace hawser

#endif  // HAWSER_WORKER_STEP_WORK_H_
