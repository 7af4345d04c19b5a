// What the blocks of one job count while they work, all that one server holds
// together: for /metrics (shard_metrics.h).
//
// Thread-safe without locks.
#ifndef HAWSER_SERVER_BLOCK_METERS_H_
#define HAWSER_SERVER_BLOCK_METERS_H_

#include "common/metrics/counter.h"
#include "common/metrics/histogram.h"

namespace hawser {

struct BlockMeters {
  Gauge blocks;
  Gauge elements;
  Gauge waiting_reads;   // for a version, for slower workers, for a phase
  Counter pushed_bytes;  // of payloads, as they came
  Counter counted_pushes;
  Counter repeated_pushes;  // that had been counted before
  Counter answered_reads;
  Counter answered_bytes;  // of payloads, as they leave
  // Where pushes are applied on arrival: how many clocks the slowest worker was
  // behind the one that a read was served to.
  CountHistogram read_staleness;
  // Likewise: updates between the read that a push was computed with and it.
  CountHistogram push_lag;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_BLOCK_METERS_H_
