#include "worker/data/sample_order.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/counter_random.h"
#include "common/job/job_rules.h"
#include "glog/logging.h"

namespace hawser {
namespace {

// Fisher and Yates, as Knuth has it (algorithm 3.4.2P).
void Shuffle(const CounterRandom& random, absl::Span<int64_t> positions) {
  for (uint64_t left = positions.size(); left > 1; --left) {
    std::swap(positions[left - 1], positions[random.Below(left - 1, left)]);
  }
}

}  // namespace

SampleOrder::SampleOrder(const JobSpec& complete, int64_t training_samples,
                         absl::Span<const int32_t> labels)
    : partition_(complete.data().partition()),
      seed_(complete.seed()),
      samples_(training_samples),
      global_batch_(complete.schedule().global_batch()),
      micro_batches_(complete.schedule().micro_batches()),
      steps_per_epoch_(
          StepsPerEpoch(complete, static_cast<uint64_t>(training_samples))) {
  CHECK_GT(training_samples, 0);
  sorted_.resize(static_cast<size_t>(training_samples));
  std::iota(sorted_.begin(), sorted_.end(), 0);
  if (partition_ != BY_CLASS) return;
  CHECK_EQ(labels.size(), sorted_.size());
  std::stable_sort(sorted_.begin(), sorted_.end(), [&](int64_t a, int64_t b) {
    return labels[static_cast<size_t>(a)] < labels[static_cast<size_t>(b)];
  });
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
  order_ = sorted_;
  const absl::Span<int64_t> order = absl::MakeSpan(order_);
  if (partition_ == RANDOM) {
    Shuffle(CounterRandom(seed_, RandomPurpose::kSampleOrder, epoch), order);
  }
  if (partition_ == BY_CLASS) {
    for (uint32_t m = 0; m < micro_batches_; ++m) {
      const int64_t first = RunStart(m);
      Shuffle(CounterRandom(seed_, RandomPurpose::kClassOrder, epoch, m),
              order.subspan(static_cast<size_t>(first),
                            static_cast<size_t>(RunStart(m + 1) - first)));
    }
  }
}

}  // namespace hawser
