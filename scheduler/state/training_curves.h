// The curves of all jobs (training_curve.h).
//
//   Begin: jobs that are there were begun by a scheduler before
//   TakeNews, again and again: each job from its acceptance to its end
//
// Pure.
#ifndef HAWSER_SCHEDULER_STATE_TRAINING_CURVES_H_
#define HAWSER_SCHEDULER_STATE_TRAINING_CURVES_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "scheduler/state/cluster_state.h"
#include "scheduler/state/training_curve.h"

namespace hawser {

class TrainingCurves {
 public:
  struct News {
    uint64_t job = 0;
    std::string name;
    std::string directory;  // of its checkpoints, below the output root
    TrainingCurve::News curve;
    bool is_last = false;  // the job has ended
  };

  void Begin(const ClusterState& state);
  // Of jobs of which something is new since the last call; nothing before
  // Begin.
  std::vector<News> TakeNews(const ClusterState& state);

 private:
  bool begun_ = false;
  uint64_t newest_job_ = 0;
  std::map<uint64_t, TrainingCurve> curves_;  // of jobs that have not ended
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_TRAINING_CURVES_H_
