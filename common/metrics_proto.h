// SampleSums as a message.
#ifndef HAWSER_COMMON_METRICS_PROTO_H_
#define HAWSER_COMMON_METRICS_PROTO_H_

#include "common/metrics.h"
#include "proto/scheduler.pb.h"

namespace hawser {

inline Metrics ToProto(const SampleSums& sums) {
  Metrics metrics;
  metrics.set_loss_nanonats(sums.loss_nanonats);
  metrics.set_correct(static_cast<uint64_t>(sums.correct));
  metrics.set_samples(static_cast<uint64_t>(sums.samples));
  return metrics;
}

inline SampleSums FromProto(const Metrics& metrics) {
  return {metrics.loss_nanonats(), static_cast<int64_t>(metrics.correct()),
          static_cast<int64_t>(metrics.samples())};
}

}  // namespace hawser

#endif  // HAWSER_COMMON_METRICS_PROTO_H_
