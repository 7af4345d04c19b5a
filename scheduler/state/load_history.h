// What a job's servers have told of the work that came to them (ServerLoad), of
// the last seconds: how fast each worker is, who lags behind, how much each
// server takes in.
//
// For people: nothing is decided by it, nothing of it is durable.
//
// Pure: time is an argument.
#ifndef HAWSER_SCHEDULER_STATE_LOAD_HISTORY_H_
#define HAWSER_SCHEDULER_STATE_LOAD_HISTORY_H_

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "proto/load.pb.h"

namespace hawser {

class LoadHistory {
 public:
  // Rates are over about this time; what is as old as this says nothing more.
  static constexpr absl::Duration kWindow = absl::Seconds(10);
  // A worker slower than this share of the median is a straggler.
  static constexpr double kStragglerShare = 0.7;

  struct WorkerRate {
    uint64_t node = 0;
    uint64_t clock = 0;
    uint64_t lag = 0;               // behind the furthest worker's clock
    double samples_per_second = 0;  // while it is busy; 0: unknown
    double busy = 0;                // share of the time; 0 to 1
    std::string straggler;          // why it is one; empty: it is none
  };
  struct ServerRate {
    double pushes_per_second = 0;
    double push_bytes_per_second = 0;
  };

  // What server `node` tells. Counts that are of another incarnation, or
  // smaller than before, begin anew.
  void Note(uint64_t node, const ServerLoad& load, absl::Time now);

  // By node. Empty: the server of block 0 has told nothing lately.
  std::vector<WorkerRate> Workers(absl::Time now) const;
  // 0: unknown.
  ServerRate Server(uint64_t node, absl::Time now) const;
  // Pushes by class, since the server of block 0 counts; see ServerLoad.
  std::vector<uint64_t> Staleness() const;

 private:
  struct Told {
    absl::Time time;
    ServerLoad load;
  };

  // Of the server that tells of workers; null: none lately.
  const std::deque<Told>* OfFirstBlock(absl::Time now) const;

  std::map<uint64_t, std::deque<Told>> told_;  // by server, the newest last
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_LOAD_HISTORY_H_
