#include "worker/data/sample_order.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/counter_random.h"
#include "common/job/job_rules.h"
#include "glog/logging.h"

namespace hawser {

SampleOrder::SampleOrder(const JobSpec& complete, int64_t training_samples)
    : partition_(complete.data().partition()),
      seed_(complete.seed()),
      samples_(training_samples),
      global_batch_(complete.schedule().global_batch()),
      micro_batches_(complete.schedule().micro_batches()),
      steps_per_epoch_(
          StepsPerEpoch(complete, static_cast<uint64_t>(training_samples))) {
  CHECK_GT(training_samples, 0);
}

int64_t SampleOrder::StepSamples(uint64_t step) const {
  const auto in_epoch = static_cast<int64_t>(step % steps_per_epoch_);
  return std::min(global_batch_, samples_ - in_epoch * global_batch_);
}

absl::Span<const int64_t> SampleOrder::Positions(uint64_t step,
                                                 uint32_t micro_batch) {
  if (EpochOf(step) != epoch_) PrepareEpoch(EpochOf(step));
  const int64_t samples = StepSamples(step);
  const int64_t before = SamplesBefore(micro_batch, samples);
  const int64_t count = SamplesBefore(micro_batch + 1, samples) - before;
  const auto in_epoch = static_cast<int64_t>(step % steps_per_epoch_);
  int64_t first = in_epoch * global_batch_ + before;
  if (partition_ != RANDOM) {
    const int64_t full_share = SamplesBefore(micro_batch + 1, global_batch_) -
                               SamplesBefore(micro_batch, global_batch_);
    first = RunStart(micro_batch) + in_epoch * full_share;
  }
  return absl::MakeConstSpan(order_).subspan(static_cast<size_t>(first),
                                             static_cast<size_t>(count));
}

int64_t SampleOrder::SamplesBefore(uint32_t micro_batch,
                                   int64_t samples) const {
  return int64_t{micro_batch} * samples / micro_batches_;
}

int64_t SampleOrder::RunStart(uint32_t micro_batch) const {
  const uint64_t last_step = steps_per_epoch_ - 1;
  return static_cast<int64_t>(last_step) *
             SamplesBefore(micro_batch, global_batch_) +
         SamplesBefore(micro_batch, StepSamples(last_step));
}

void SampleOrder::PrepareEpoch(uint64_t epoch) {
  epoch_ = epoch;
  order_.resize(static_cast<size_t>(samples_));
  std::iota(order_.begin(), order_.end(), 0);
  if (partition_ != RANDOM) return;
  // Fisher and Yates, as Knuth has it (algorithm 3.4.2P).
  const CounterRandom random(seed_, RandomPurpose::kSampleOrder, epoch);
  for (uint64_t i = order_.size() - 1; i > 0; --i) {
    std::swap(order_[i], order_[random.Below(i, i + 1)]);
  }
}

}  // namespace hawser
