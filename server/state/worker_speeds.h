// How fast the workers of a job are, as they measured it. Nothing takes more
// than O(log workers).
//
// Pure: no locks, no I/O, no clock.
#ifndef HAWSER_SERVER_STATE_WORKER_SPEEDS_H_
#define HAWSER_SERVER_STATE_WORKER_SPEEDS_H_

#include <cstdint>
#include <map>
#include <set>

namespace hawser {

class WorkerSpeeds {
 public:
  // Nothing is known of the workers; `workers` > 0 of them.
  void Reset(uint64_t workers);

  // Not above 0, or not a number: unknown, and nothing changes.
  void Set(uint64_t node, double seconds_per_micro_batch);

  // Micro-batches a second: measured, or else the mean of those that are, or
  // else 1.
  double Of(uint64_t node) const;
  double SecondsOf(uint64_t node) const { return 1 / Of(node); }
  // Of the slowest and the fastest worker.
  double MostSeconds() const;
  double LeastSeconds() const;
  // Of all workers together.
  double Total() const { return Mean() * static_cast<double>(workers_); }

 private:
  double Mean() const;

  uint64_t workers_ = 1;
  std::map<uint64_t, double> known_;
  std::multiset<double> in_order_;  // the known
  // Of the known, in 1/2^64: a sum of integers can be taken back exactly, where
  // a difference of floats that lie far apart may be negative.
  unsigned __int128 sum_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_WORKER_SPEEDS_H_
