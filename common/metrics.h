// Sums over samples. Losses are added as integers of 1e-9 nats, so that a total
// is the same whatever the order of addition, the workers and their number.
#ifndef HAWSER_COMMON_METRICS_H_
#define HAWSER_COMMON_METRICS_H_

#include <cstdint>

namespace hawser {

struct SampleSums {
  int64_t loss_nanonats = 0;
  int64_t correct = 0;
  int64_t samples = 0;

  SampleSums& operator+=(const SampleSums& other) {
    loss_nanonats += other.loss_nanonats;
    correct += other.correct;
    samples += other.samples;
    return *this;
  }
  SampleSums& operator-=(const SampleSums& other) {
    loss_nanonats -= other.loss_nanonats;
    correct -= other.correct;
    samples -= other.samples;
    return *this;
  }
  friend bool operator==(const SampleSums&, const SampleSums&) = default;

  // Means; 0 without samples.
  double MeanLoss() const {
    return samples == 0 ? 0
                        : 1e-9 * static_cast<double>(loss_nanonats) /
                              static_cast<double>(samples);
  }
  double Accuracy() const {
    return samples == 0
               ? 0
               : static_cast<double>(correct) / static_cast<double>(samples);
  }
};

}  // namespace hawser

#endif  // HAWSER_COMMON_METRICS_H_
