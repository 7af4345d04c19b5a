#include "scheduler/state/assignments.h"

namespace hawser {

void Assignments::WorkerJoins(uint64_t node) {
  workers_.insert(node);
  if (jobs_of_.count(node) == 0) idle_workers_.insert(node);
}

void Assignments::WorkerLeaves(uint64_t node) {
  workers_.erase(node);
  idle_workers_.erase(node);
}

void Assignments::Assign(uint64_t job, const Plan& plan) {
  Release(job);
  std::vector<uint64_t>& nodes = nodes_of_[job];
  for (const auto& server : plan.servers()) nodes.push_back(server.node());
  for (const auto& worker : plan.workers()) nodes.push_back(worker.node());
  for (const uint64_t node : nodes) {
    jobs_of_[node].insert(job);
    idle_workers_.erase(node);
  }
}

void Assignments::Release(uint64_t job) {
  const auto nodes = nodes_of_.find(job);
  if (nodes == nodes_of_.end()) return;
  for (const uint64_t node : nodes->second) {
    const auto jobs = jobs_of_.find(node);
    jobs->second.erase(job);
    if (!jobs->second.empty()) continue;
    jobs_of_.erase(jobs);
    if (workers_.count(node) != 0) idle_workers_.insert(node);
  }
  nodes_of_.erase(nodes);
}

const std::set<uint64_t>& Assignments::JobsOf(uint64_t node) const {
  static const auto* const kNone = new std::set<uint64_t>;
  const auto found = jobs_of_.find(node);
  return found == jobs_of_.end() ? *kNone : found->second;
}

const std::vector<uint64_t>& Assignments::NodesOf(uint64_t job) const {
  static const auto* const kNone = new std::vector<uint64_t>;
  const auto found = nodes_of_.find(job);
  return found == nodes_of_.end() ? *kNone : found->second;
}

}  // namespace hawser
