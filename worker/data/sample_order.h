// Which samples a micro-batch reads: the partition of the data. A function of
// (spec, seed, step, micro-batch) alone; every sample is read exactly once an
// epoch. Step t belongs to epoch t / steps_per_epoch; the last step of an epoch
// may hold fewer samples, shared out evenly among its micro-batches.
//
// Thread-compatible: keeps the current epoch's permutation.
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
  // complete: a completed spec (job_rules.h).
  SampleOrder(const JobSpec& complete, int64_t training_samples);

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
  uint64_t epoch_ = ~uint64_t{0};
  // Of epoch_. RANDOM: step by step, its micro-batches in turn. BY_SAMPLE: run
  // by run, a run's steps in turn.
  std::vector<int64_t> order_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_DATA_SAMPLE_ORDER_H_
