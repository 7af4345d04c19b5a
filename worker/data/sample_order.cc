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
  const auto m = static_cast<int64_t>(micro_batch);
  const auto count = static_cast<int64_t>(micro_batches_);
  const int64_t start =
      static_cast<int64_t>(step % steps_per_epoch_) * global_batch_;
  const int64_t first = m * samples / count;
  const int64_t last = (m + 1) * samples / count;
  return absl::MakeConstSpan(order_).subspan(static_cast<size_t>(start + first),
                                             static_cast<size_t>(last - first));
}

void SampleOrder::PrepareEpoch(uint64_t epoch) {
  epoch_ = epoch;
  order_.resize(static_cast<size_t>(samples_));
  if (partition_ == RANDOM) {
    // Fisher and Yates, as Knuth has it (algorithm 3.4.2P).
    std::iota(order_.begin(), order_.end(), 0);
    const CounterRandom random(seed_, RandomPurpose::kSampleOrder, epoch);
    for (uint64_t i = order_.size() - 1; i > 0; --i) {
      std::swap(order_[i], order_[random.Below(i, i + 1)]);
    }
    return;
  }
  // BY_SAMPLE: micro-batch m reads the m-th contiguous run. The runs are as
  // long as what the steps ask of each micro-batch.
  std::vector<int64_t> next(micro_batches_, 0);
  const auto count = static_cast<int64_t>(micro_batches_);
  const auto share = [&](uint64_t step, int64_t m) {
    const int64_t samples = StepSamples(step);
    return (m + 1) * samples / count - m * samples / count;
  };
  for (int64_t m = 0; m + 1 < count; ++m) {
    int64_t run = 0;
    for (uint64_t step = 0; step < steps_per_epoch_; ++step) {
      run += share(step, m);
    }
    next[static_cast<size_t>(m) + 1] = next[static_cast<size_t>(m)] + run;
  }
  size_t at = 0;
  for (uint64_t step = 0; step < steps_per_epoch_; ++step) {
    for (int64_t m = 0; m < count; ++m) {
      for (int64_t i = share(step, m); i > 0; --i) {
        order_[at++] = next[static_cast<size_t>(m)]++;
      }
    }
  }
}

}  // namespace hawser
