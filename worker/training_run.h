// One worker's part of one incarnation of a job: step by step, pull the
// parameters, compute the gradients of its run of micro-batches, push their
// sum.
//
//   pull version t
//   t starts an epoch: evaluate this worker's share of the validation set,
//     report it, wait for the answer
//   t == total steps: the first worker reports the hash of the parameters; end
//   gradients of micro-batches [first, last) of step t, summed in the tree
//   push; t + 1
//
// What a step computes is a function of (spec, data, t, micro-batch) alone.
//
// Not thread-safe, except Cancel.
#ifndef HAWSER_WORKER_TRAINING_RUN_H_
#define HAWSER_WORKER_TRAINING_RUN_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "client/data_plane/parameter_client.h"
#include "proto/plan.pb.h"
#include "proto/scheduler.pb.h"
#include "worker/data/dataset.h"
#include "worker/data/sample_order.h"
#include "worker/gradient_sum.h"
#include "worker/model/model.h"

namespace hawser {

class TrainingRun {
 public:
  // Sends a report and waits until the scheduler has it. CANCELLED: the worker
  // stops.
  using Reporter = std::function<absl::Status(ReportRequest)>;

  // data and model outlive the run. node: this worker, one of plan.workers.
  TrainingRun(const Plan& plan, uint64_t node, const Dataset* data,
              Model* model, const ChannelFactory& make_channel,
              Reporter reporter);

  // From the step that every server has completed to the job's end. CANCELLED:
  // Cancel was called. Other errors: a server did not answer as it should; a
  // new run with the newest plan may do better.
  absl::Status Run();

  // Ends Run soon. Any thread.
  void Cancel() { client_.Cancel(); }

 private:
  absl::Status ComputeAndPush(uint64_t step);
  absl::Status Validate(uint64_t step);
  absl::Status ReportHash(uint64_t step);
  absl::Status Send(ReportRequest report);

  const Plan plan_;
  const uint64_t node_;
  const Dataset* const data_;
  Model* const model_;
  const Reporter reporter_;
  ParameterClient client_;
  SampleOrder order_;
  GradientSum sum_;
  std::vector<float> theta_;
  Batch batch_;
  // This worker's place among those that have work.
  uint32_t first_ = 0;
  uint32_t last_ = 0;
  uint32_t rank_ = 0;
  uint32_t ranks_ = 0;
};

// Most samples a model is given at once for this job.
int64_t LargestBatch(const Plan& plan);

}  // namespace hawser

#endif  // HAWSER_WORKER_TRAINING_RUN_H_
