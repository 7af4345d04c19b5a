// What one worker computes for a job, whoever tells it what: gradients (or
// local changes) of micro-batches, validation, the hash of the parameters. A
// function of (spec, data, parameters, step, micro-batch) alone.
//
// Not thread-safe, except Cancel.
#ifndef HAWSER_WORKER_STEP_WORK_H_
#define HAWSER_WORKER_STEP_WORK_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
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

  struct Computed {
    SampleSums sums;
    // Where the gradient is not finite; the observer was not told of this layer
    // nor of those before it.
    std::optional<int> not_finite_layer;
    std::optional<uint32_t> digest;  // of micro-batches that are recomputed
  };

  // Names parameters that stay as they are while they are used under the name:
  // the model need not take them again (Model::NewVersion).
  Parameters Named(const float* theta) { return {theta, model_->NewVersion()}; }

  // theta and gradient, here and below, stay where they are until Unpin: they
  // are pinned for the model's device (Backend), if there is one.
  //
  // Writes a micro-batch's part of the step, [parameters], such that the mean
  // over the micro-batches is the step's gradient (or local change).
  Computed MicroBatch(uint64_t step, uint32_t micro_batch, Parameters theta,
                      float* gradient, LayerObserver* observer);

  // What has been computed is told to the scheduler as far as the job's guards
  // ask for it. True: it is void, by SKIP_STEP; gradient and sums are zeros
  // now. FAILED_PRECONDITION: it is not finite, and the job stops. Another
  // error: the model's status.
  absl::StatusOr<bool> IsVoid(uint64_t step, uint32_t micro_batch,
                              Computed* computed, float* gradient);
  // A gradient may leave before its micro-batch is known to be good.
  bool MayPushEarly() const;

  // Computes those of the micro-batches of plan.recomputed that the job's
  // guards choose, and tells the scheduler. theta: [parameters], there.
  absl::Status Recompute(uint64_t step, Parameters theta);
  bool Recomputes(uint64_t step) const;

  // Scales the sum over `run` micro-batches down to the job's limit on the
  // norm of its mean, if it has one and the step's change is a gradient.
  void Clip(uint64_t step, uint32_t run, float* gradient_sum) const;

  // Measures chunks [first, last) of the validation data and reports them.
  absl::Status Validate(uint64_t step, uint32_t first_chunk,
                        uint32_t last_chunk, Parameters theta);

  // Reports the hash of the parameters. FAILED_PRECONDITION: they are not
  // finite, which is reported instead.
  absl::Status ReportHash(uint64_t step, const float* theta);

  // Where spans of this step belong.
  TraceScope ScopeOf(uint64_t step) const {
    return {surroundings_->trace, plan_.job(), step};
  }

  // Forgets the memory that it was given, which may be freed from then on.
  void Unpin() { pinned_.clear(); }

  // Ends waiting soon. Any thread.
  void Cancel() { pace_.Cancel(); }

 private:
  SampleSums Gradient(uint64_t optimizer_step, uint32_t micro_batch,
                      float scale, Parameters theta, float* gradient,
                      LayerObserver* observer);
  SampleSums Unguarded(uint64_t step, uint32_t micro_batch, Parameters theta,
                       float* gradient, LayerObserver* observer);
  void Pin(const float* vector);
  bool IsRecomputed(uint64_t step, uint32_t micro_batch) const;
  ReportRequest Filled(ReportRequest report) const;
  void Tell(ReportRequest report);
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
  std::vector<float> recomputed_;
  // By address; null: not to be pinned.
  std::map<const float*, std::shared_ptr<void>> pinned_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_STEP_WORK_H_
