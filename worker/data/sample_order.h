// Which samples a micro-batch reads: the partition of the data. A function of
// (spec, data, step, micro-batch) alone; every sample is read exactly once an
// epoch. Step t belongs to epoch t / steps_per_epoch; the last step of an epoch
// may hold fewer samples, shared out evenly among its micro-batches.
//
//   RANDOM     all samples in a fresh order every epoch, cut into steps and
//              these into micro-batches
//   BY_SAMPLE  the samples in file order, cut into one run a micro-batch, as
//              long as what the epoch's steps ask of it
//   BY_CLASS   the samples sorted by class, cut into the same runs; each run in
//              a fresh order every epoch
//
// Thread-compatible: keeps the current epoch's order.
#ifndef HAWSER_WORKER_DATA_SAMPLE_ORDER_H_
#define HAWSER_WORKER_DATA_SAMPLE_ORDER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "proto/job.pb.h"

namespace hawser {

class SampleOrder {
 public:
  // complete: a completed spec (job_rules.h). labels: the class of each sample,
  // by position; only BY_CLASS reads them, for others they may be empty.
  SampleOrder(const JobSpec& complete, int64_t training_samples,
              absl::Span<const int32_t> labels);

  uint64_t steps_per_epoch() const { return steps_per_epoch_; }
  uint64_t EpochOf(uint64_t step) const { return step / steps_per_epoch_; }

  // Samples of the whole step: global_batch, or what is left of the epoch.
  int64_t StepSamples(uint64_t step) const;

  // Positions of one micro-batch; valid until the next call.
  absl::Span<const int64_t> Positions(uint64_t step, uint32_t micro_batch);

 private:
  // Of the samples of one step, how many go to micro-batches below this one.
  int64_t SamplesBefore(uint32_t micro_batch, int64_t samples) const;
  // Where a micro-batch's run starts: after the runs of those below it.
  int64_t RunStart(uint32_t micro_batch) const;
  void PrepareEpoch(uint64_t epoch);

  const Partition partition_;
  const uint64_t seed_;
  const int64_t samples_;
  const int64_t global_batch_;
  const uint32_t micro_batches_;
  const uint64_t steps_per_epoch_;
  // In file order; BY_CLASS: by class, and in file order within one.
  std::vector<int64_t> sorted_;
  uint64_t epoch_ = ~uint64_t{0};
  // Of epoch_. RANDOM: step by step, its micro-batches in turn. Otherwise run
  // by run, a run's steps in turn.
  std::vector<int64_t> order_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_DATA_SAMPLE_ORDER_H_
