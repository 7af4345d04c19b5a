// Which jobs each member serves, and which workers serve none, without a walk
// over plans. A node is assigned as a plan says, whether it is there or not; a
// worker that is there and assigned to nothing is idle.
//
// Pure.
#ifndef HAWSER_SCHEDULER_STATE_ASSIGNMENTS_H_
#define HAWSER_SCHEDULER_STATE_ASSIGNMENTS_H_

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "proto/plan.pb.h"

namespace hawser {

class Assignments {
 public:
  // Workers that come and go.
  void WorkerJoins(uint64_t node);
  void WorkerLeaves(uint64_t node);

  // The job is served by the members of this plan, in place of any before.
  void Assign(uint64_t job, const Plan& plan);
  // The job is served by nobody.
  void Release(uint64_t job);

  const std::set<uint64_t>& idle_workers() const { return idle_workers_; }
  // In order of acceptance.
  const std::set<uint64_t>& JobsOf(uint64_t node) const;
  const std::vector<uint64_t>& NodesOf(uint64_t job) const;

 private:
  std::set<uint64_t> workers_;
  std::set<uint64_t> idle_workers_;
  std::map<uint64_t, std::set<uint64_t>> jobs_of_;      // by node
  std::map<uint64_t, std::vector<uint64_t>> nodes_of_;  // by job
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_ASSIGNMENTS_H_
