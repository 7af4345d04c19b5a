#include "worker/data/sample_order.h"

#include <algorithm>
#include <vector>

#include "gtest/gtest.h"

namespace hawser {
namespace {

JobSpec Spec(uint32_t batch, uint32_t micro_batches, Partition partition,
             uint64_t seed) {
  JobSpec spec;
  spec.mutable_schedule()->set_global_batch(batch);
  spec.mutable_schedule()->set_micro_batches(micro_batches);
  spec.mutable_data()->set_partition(partition);
  spec.set_seed(seed);
  return spec;
}

std::vector<int64_t> Epoch(SampleOrder* order, uint64_t epoch,
                           uint32_t micro_batches) {
  std::vector<int64_t> all;
  for (uint64_t s = 0; s < order->steps_per_epoch(); ++s) {
    const uint64_t step = epoch * order->steps_per_epoch() + s;
    int64_t in_step = 0;
    for (uint32_t m = 0; m < micro_batches; ++m) {
      const auto positions = order->Positions(step, m);
      all.insert(all.end(), positions.begin(), positions.end());
      in_step += static_cast<int64_t>(positions.size());
    }
    EXPECT_EQ(in_step, order->StepSamples(step));
  }
  return all;
}

TEST(SampleOrderTest, EverySampleOnceAnEpoch) {
  for (const auto partition : {RANDOM, BY_SAMPLE}) {
    for (const int64_t samples : {1, 7, 64, 100, 129}) {
      for (const uint32_t micro_batches : {1u, 2u, 4u, 8u}) {
        for (const uint32_t batch : {8u, 16u, 64u}) {
          SampleOrder order(Spec(batch, micro_batches, partition, 1), samples);
          for (uint64_t epoch = 0; epoch < 2; ++epoch) {
            auto all = Epoch(&order, epoch, micro_batches);
            std::sort(all.begin(), all.end());
            ASSERT_EQ(all.size(), static_cast<size_t>(samples));
            for (int64_t i = 0; i < samples; ++i) {
              ASSERT_EQ(all[static_cast<size_t>(i)], i);
            }
          }
        }
      }
    }
  }
}

// A change of these changes the result of every job.
TEST(SampleOrderTest, TheOrdersAreTheseForEver) {
  SampleOrder random(Spec(4, 2, RANDOM, 7), 10);
  EXPECT_EQ(Epoch(&random, 0, 2),
            (std::vector<int64_t>{2, 1, 5, 3, 8, 6, 4, 9, 0, 7}));
  EXPECT_EQ(Epoch(&random, 1, 2),
            (std::vector<int64_t>{7, 2, 9, 0, 4, 3, 1, 6, 5, 8}));
  SampleOrder by_sample(Spec(4, 2, BY_SAMPLE, 7), 10);
  EXPECT_EQ(Epoch(&by_sample, 0, 2),
            (std::vector<int64_t>{0, 1, 5, 6, 2, 3, 7, 8, 4, 9}));
}

TEST(SampleOrderTest, RandomIsAFreshOrderEveryEpochAndSeed) {
  SampleOrder a(Spec(10, 2, RANDOM, 1), 1000), b(Spec(10, 2, RANDOM, 2), 1000);
  const auto first = Epoch(&a, 0, 2), second = Epoch(&a, 1, 2);
  EXPECT_NE(first, second);
  EXPECT_NE(first, Epoch(&b, 0, 2));
  EXPECT_EQ(first, Epoch(&a, 0, 2));  // whenever it is asked for
}

TEST(SampleOrderTest, BySampleGivesEachMicroBatchOneContiguousRun) {
  SampleOrder order(Spec(8, 4, BY_SAMPLE, 0), 77);
  int64_t expected = 0;
  for (uint32_t m = 0; m < 4; ++m) {
    for (uint64_t step = 0; step < order.steps_per_epoch(); ++step) {
      for (const int64_t position : order.Positions(step, m)) {
        EXPECT_EQ(position, expected++);
      }
    }
  }
  EXPECT_EQ(expected, 77);
}

}  // namespace
}  // namespace hawser
