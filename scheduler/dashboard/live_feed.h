// What one viewer of the dashboard is told: all at first, then what has changed
// since. A viewer may look at one job, too, and is then told of its curves,
// members and events.
//
// Not thread-safe; the driver is.
#ifndef HAWSER_SCHEDULER_DASHBOARD_LIVE_FEED_H_
#define HAWSER_SCHEDULER_DASHBOARD_LIVE_FEED_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "proto/dashboard.pb.h"
#include "scheduler/scheduler_driver.h"

namespace hawser {

class LiveFeed {
 public:
  struct Source {
    const SchedulerDriver* driver;  // outlives the feed
    absl::Time started;             // when this scheduler did
    // The URL of the leader's dashboard while another leads; empty: it is not
    // known. Null: there is no other scheduler.
    std::function<std::string()> leaders_dashboard;
  };

  // job: the name of the one that is looked at; empty: none.
  LiveFeed(Source source, std::string job);

  // What has changed since the last call; all, after a time in which this
  // scheduler stood by and told nothing but that.
  LiveUpdate Next();

 private:
  void TellJobs(const ClusterState& state, absl::Time now, LiveUpdate* update);
  void TellNodes(const ClusterState& state, absl::Time now,
                 LiveUpdate* update) const;
  void TellDetail(const ClusterState& state, const Job& job, absl::Time now,
                  LiveUpdate* update);
  void TellCurve(const Job& job, Curve* curve);
  void TellEvents(const Job& job, LiveUpdate* update);

  const Source source_;
  const std::string name_;

  bool is_first_ = true;
  std::map<uint64_t, uint64_t> revisions_;  // told, by job
  // Of the job that is looked at; 0: none yet. Another may get its name.
  uint64_t job_ = 0;
  std::string detail_;  // as it was told
  uint64_t generation_ = 0;
  size_t points_ = 0;
  uint64_t epochs_ = 0;
  uint64_t next_line_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_DASHBOARD_LIVE_FEED_H_
