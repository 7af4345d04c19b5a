#include "worker/data/sample_order.h"

#include <algorithm>
#include <set>
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

// A label for each sample, in no order.
std::vector<int32_t> Labels(int64_t samples, int32_t classes) {
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < samples; ++i) {
    labels.push_back(static_cast<int32_t>(i * 7919 % 101 % classes));
  }
  return labels;
}

// What one micro-batch reads in an epoch.
std::vector<int64_t> RunOf(SampleOrder* order, uint64_t epoch,
                           uint32_t micro_batch) {
  std::vector<int64_t> run;
  for (uint64_t s = 0; s < order->steps_per_epoch(); ++s) {
    const auto positions =
        order->Positions(epoch * order->steps_per_epoch() + s, micro_batch);
    run.insert(run.end(), positions.begin(), positions.end());
  }
  return run;
}

std::vector<int64_t> Sorted(std::vector<int64_t> positions) {
  std::sort(positions.begin(), positions.end());
  return positions;
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
  for (const auto partition : {RANDOM, BY_SAMPLE, BY_CLASS}) {
    for (const int64_t samples : {1, 7, 64, 100, 129}) {
      for (const uint32_t micro_batches : {1u, 2u, 3u, 4u, 8u}) {
        for (const uint32_t batch : {7u, 8u, 16u, 64u}) {
          SampleOrder order(Spec(batch, micro_batches, partition, 1), samples,
                            Labels(samples, 10));
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
  SampleOrder random(Spec(4, 2, RANDOM, 7), 10, {});
  EXPECT_EQ(Epoch(&random, 0, 2),
            (std::vector<int64_t>{2, 1, 5, 3, 8, 6, 4, 9, 0, 7}));
  EXPECT_EQ(Epoch(&random, 1, 2),
            (std::vector<int64_t>{7, 2, 9, 0, 4, 3, 1, 6, 5, 8}));
  SampleOrder by_sample(Spec(4, 2, BY_SAMPLE, 7), 10, {});
  EXPECT_EQ(Epoch(&by_sample, 0, 2),
            (std::vector<int64_t>{0, 1, 5, 6, 2, 3, 7, 8, 4, 9}));
  SampleOrder by_class(Spec(4, 2, BY_CLASS, 7), 10,
                       {2, 0, 1, 2, 0, 1, 2, 0, 1, 2});
  EXPECT_EQ(Epoch(&by_class, 0, 2),
            (std::vector<int64_t>{1, 7, 8, 6, 5, 4, 0, 3, 2, 9}));
  EXPECT_EQ(Epoch(&by_class, 1, 2),
            (std::vector<int64_t>{5, 1, 8, 0, 7, 4, 6, 3, 2, 9}));
}

TEST(SampleOrderTest, RandomIsAFreshOrderEveryEpochAndSeed) {
  SampleOrder a(Spec(10, 2, RANDOM, 1), 1000, {});
  SampleOrder b(Spec(10, 2, RANDOM, 2), 1000, {});
  const auto first = Epoch(&a, 0, 2), second = Epoch(&a, 1, 2);
  EXPECT_NE(first, second);
  EXPECT_NE(first, Epoch(&b, 0, 2));
  EXPECT_EQ(first, Epoch(&a, 0, 2));  // whenever it is asked for
}

TEST(SampleOrderTest, BySampleGivesEachMicroBatchOneContiguousRun) {
  SampleOrder order(Spec(8, 4, BY_SAMPLE, 0), 77, {});
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

// The runs of BY_CLASS, slowly: class after class through the file, and step
// after step to learn how long each run is.
std::vector<std::vector<int64_t>> SlowRuns(const std::vector<int32_t>& labels,
                                           size_t batch, size_t micro_batches) {
  std::vector<int64_t> sorted;
  for (int32_t label = 0; label < 256; ++label) {
    for (size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] == label) sorted.push_back(static_cast<int64_t>(i));
    }
  }
  std::vector<size_t> lengths(micro_batches, 0);
  for (size_t begin = 0; begin < labels.size(); begin += batch) {
    const size_t samples = std::min(batch, labels.size() - begin);
    for (size_t m = 0; m < micro_batches; ++m) {
      lengths[m] += (m + 1) * samples / micro_batches;
      lengths[m] -= m * samples / micro_batches;
    }
  }
  std::vector<std::vector<int64_t>> runs;
  auto next = sorted.begin();
  for (const size_t length : lengths) {
    const auto end = next + static_cast<int64_t>(length);
    runs.emplace_back(next, end);
    next = end;
  }
  return runs;
}

TEST(SampleOrderTest, ByClassGivesEachMicroBatchARunOfTheSortedSamples) {
  for (const int64_t samples : {1, 7, 64, 100, 129}) {
    for (const int32_t classes : {1, 3, 10}) {
      for (const uint32_t micro_batches : {1u, 2u, 3u, 4u, 8u}) {
        for (const uint32_t batch : {7u, 8u, 16u, 64u}) {
          const auto labels = Labels(samples, classes);
          const auto runs = SlowRuns(labels, batch, micro_batches);
          SampleOrder order(Spec(batch, micro_batches, BY_CLASS, 1), samples,
                            labels);
          for (uint64_t epoch = 0; epoch < 2; ++epoch) {
            for (uint32_t m = 0; m < micro_batches; ++m) {
              ASSERT_EQ(Sorted(RunOf(&order, epoch, m)), Sorted(runs[m]))
                  << samples << " samples of " << classes << " classes, "
                  << micro_batches << " micro-batches of " << batch
                  << " samples: epoch " << epoch << ", micro-batch " << m;
            }
          }
        }
      }
    }
  }
}

TEST(SampleOrderTest, ByClassGivesEachMicroBatchItsOwnClasses) {
  const auto labels = Labels(1010, 10);
  SampleOrder order(Spec(40, 5, BY_CLASS, 1), 1010, labels);
  int32_t highest_before = 0;
  for (uint32_t m = 0; m < 5; ++m) {
    std::set<int32_t> classes;
    for (const int64_t position : RunOf(&order, 0, m)) {
      classes.insert(labels[static_cast<size_t>(position)]);
    }
    // Two tenths of the samples, hence two classes and the ends of two more.
    EXPECT_LE(classes.size(), 4u) << m;
    EXPECT_EQ(*classes.rbegin() - *classes.begin() + 1,
              static_cast<int32_t>(classes.size()))
        << m;
    EXPECT_GE(*classes.begin(), highest_before) << m;
    highest_before = *classes.rbegin();
  }
}

TEST(SampleOrderTest, ByClassIsAFreshOrderEveryEpochSeedAndMicroBatch) {
  // One class: the runs are [0, 250), [250, 500), ...
  const std::vector<int32_t> labels(1000, 0);
  SampleOrder a(Spec(8, 4, BY_CLASS, 1), 1000, labels);
  SampleOrder same(Spec(8, 4, BY_CLASS, 1), 1000, labels);
  SampleOrder other_seed(Spec(8, 4, BY_CLASS, 2), 1000, labels);
  const auto second = RunOf(&a, 1, 0);
  const auto first = RunOf(&a, 0, 0);
  EXPECT_NE(first, second);
  EXPECT_NE(first, RunOf(&other_seed, 0, 0));
  EXPECT_NE(first, Sorted(first));
  EXPECT_EQ(first, RunOf(&same, 0, 0));
  EXPECT_EQ(second, RunOf(&same, 1, 0));
  EXPECT_EQ(first, RunOf(&a, 0, 0));  // whenever it is asked for
  auto shifted = RunOf(&a, 0, 1);
  for (int64_t& position : shifted) position -= 250;
  EXPECT_EQ(Sorted(shifted), Sorted(first));
  EXPECT_NE(shifted, first);
}

}  // namespace
}  // namespace hawser
