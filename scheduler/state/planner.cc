#include "scheduler/state/planner.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/job/blocks.h"
#include "common/job/job_rules.h"
#include "common/job/plan_moves.h"
#include "common/job/step_schedule.h"
#include "scheduler/state/micro_batch_leases.h"
#include "scheduler/state/moves.h"
#include "scheduler/state/placement.h"
#include "scheduler/state/replicas.h"
#include "scheduler/state/roll_back.h"
#include "scheduler/state/server_load.h"

namespace hawser {
namespace {

// Those of the plan that are still there, then idle ones, up to what the job
// asks for. One that is to be drained stays as long as there is no other.
std::vector<uint64_t> ChooseWorkers(const Job& job,
                                    const Membership& membership,
                                    const std::set<uint64_t>& idle) {
  std::vector<uint64_t> workers, draining;
  if (job.plan().has_value()) {
    for (const auto& worker : job.plan()->workers()) {
      if (membership.Find(worker.node()) == nullptr ||
          job.IsExcluded(worker.node())) {
        continue;
      }
      const bool drains = membership.IsDraining(worker.node());
      (drains ? draining : workers).push_back(worker.node());
    }
  }
  for (const uint64_t node : idle) {
    if (workers.size() >= job.spec().resources().workers()) break;
    if (!job.IsExcluded(node)) workers.push_back(node);
  }
  return workers.empty() ? draining : workers;
}

bool HasDrainingWorker(const Job& job, const Membership& membership) {
  return std::any_of(membership.draining().begin(), membership.draining().end(),
                     [&](uint64_t node) { return job.HasWorker(node); });
}

bool AreWorkersOf(const Plan& plan, const std::vector<uint64_t>& workers) {
  return std::equal(plan.workers().begin(), plan.workers().end(),
                    workers.begin(), workers.end(),
                    [](const MicroBatchRange& range, uint64_t node) {
                      return range.node() == node;
                    });
}

bool AwaitsMembers(const Job& job, const Membership& membership) {
  const Plan& plan = *job.plan();
  return std::any_of(plan.servers().begin(), plan.servers().end(),
                     [&](const ServerEndpoint& server) {
                       return membership.IsAwaited(server.node());
                     }) ||
         std::any_of(plan.workers().begin(), plan.workers().end(),
                     [&](const MicroBatchRange& worker) {
                       return membership.IsAwaited(worker.node());
                     });
}

// The servers with the fewest parameters so far; none if there are too few.
std::vector<uint64_t> ChooseServers(const Job& job,
                                    const std::map<uint64_t, Job>& jobs,
                                    const Membership& membership) {
  std::vector<uint64_t> servers = ServersByLoad(jobs, membership);
  const size_t wanted = job.servers_asked_for();
  if (servers.size() < wanted) return {};
  servers.resize(wanted);
  std::sort(servers.begin(), servers.end());
  return servers;
}

// A server that gets no block is left out, so that nobody waits for it.
void FillServers(const Job& job, const Membership& membership,
                 const std::vector<uint64_t>& servers, Plan* plan) {
  std::vector<Block> blocks =
      CutIntoBlocks(job.layout(), job.spec().placement().block_elements());
  PlaceBlocks(job.spec().placement().policy(),
              static_cast<uint32_t>(servers.size()), &blocks);
  if (job.spec().resources().replicas() == 2) {
    PlaceReplicas(HostsOf(servers, membership), &blocks);
  }
  std::map<uint32_t, uint32_t> renumbered;
  for (const Block& block : blocks) {
    renumbered[block.server()] = 0;
    if (block.replica() != 0) renumbered[block.replica() - 1] = 0;
  }
  for (auto& [chosen, index] : renumbered) {
    index = static_cast<uint32_t>(plan->servers_size());
    ServerEndpoint* endpoint = plan->add_servers();
    endpoint->set_node(servers[chosen]);
    const Member& server = *membership.Find(servers[chosen]);
    endpoint->set_address(server.address);
    *endpoint->mutable_local() = server.local;
    endpoint->set_history(index);
  }
  plan->set_histories(static_cast<uint32_t>(plan->servers_size()));
  for (Block& block : blocks) {
    block.set_server(renumbered.at(block.server()));
    if (block.replica() != 0) {
      block.set_replica(renumbered.at(block.replica() - 1) + 1);
    }
    *plan->add_blocks() = block;
  }
}

// A phase that is synchronised as the job is to be, from where nothing has been
// counted yet.
void AddPhase(const Job& job, Plan* plan) {
  const uint64_t from = job.UntouchedStep();
  // Phases that have not begun make way.
  while (plan->phases_size() > 1 &&
         plan->phases(plan->phases_size() - 1).from_step() >= from) {
    plan->mutable_phases()->RemoveLast();
  }
  Phase* phase = plan->add_phases();
  phase->set_from_step(from);
  *phase->mutable_synchronisation() = *job.change();
}

void TakeStep(MoveStep step, const Job& job,
              const std::map<uint64_t, Job>& jobs, const Membership& membership,
              Plan* plan) {
  switch (step) {
    case MoveStep::kNone:
      return;
    case MoveStep::kPause:
      plan->set_pause(true);
      DropFills(plan);
      return;
    case MoveStep::kMove:
      PlaceAnew(job, membership, ServersByLoad(jobs, membership), plan);
      return;
    case MoveStep::kGoOn:
      plan->set_pause(false);
      EndMoves(plan);
      if (job.change().has_value()) AddPhase(job, plan);
      return;
    case MoveStep::kFill:
      PlaceFills(job, membership, ServersByLoad(jobs, membership), plan);
      return;
    case MoveStep::kEndFill:
      EndMoves(plan);
      return;
  }
}

}  // namespace

std::optional<Plan> NextPlan(const Job& job,
                             const std::map<uint64_t, Job>& jobs,
                             const Membership& membership,
                             const std::set<uint64_t>& idle,
                             uint64_t incarnation) {
  const bool planned = job.plan().has_value();
  const uint32_t wanted = job.spec().resources().workers();
  // What is lost comes first.
  const MoveStep step =
      job.IsBroken() ? MoveStep::kNone : NextMoveStep(job, membership);
  const bool changes = step != MoveStep::kNone;
  if (job.reattaching() && AwaitsMembers(job, membership)) return std::nullopt;
  // Most of the time nothing is to be done, which must be seen without a walk
  // over the members.
  if (!planned && (idle.size() < wanted ||
                   membership.ServersForWork() < job.servers_asked_for())) {
    return std::nullopt;
  }
  if (planned && job.plan()->total_steps() != 0 && !job.WorkersChanged() &&
      (static_cast<uint32_t>(job.plan()->workers_size()) >= wanted ||
       idle.empty()) &&
      !changes && !job.reattaching() && !job.IsBroken() &&
      !HasDrainingWorker(job, membership)) {
    return std::nullopt;
  }
  const std::optional<DataLoaded> data =
      planned && job.plan()->total_steps() == 0 ? job.DataOfAllWorkers()
                                                : std::nullopt;
  const std::vector<uint64_t> servers =
      !planned || data.has_value() ? ChooseServers(job, jobs, membership)
                                   : std::vector<uint64_t>();
  const std::vector<uint64_t> workers = ChooseWorkers(job, membership, idle);
  const bool members_change = job.WorkersChanged() || job.IsBroken() ||
                              (planned && !AreWorkersOf(*job.plan(), workers));
  if (!planned) {
    if (workers.size() < wanted || servers.empty()) return std::nullopt;
  } else if (!members_change && !changes && !job.reattaching() &&
             (!data.has_value() || servers.empty())) {
    return std::nullopt;
  }
  Plan plan;
  if (planned) {
    plan = *job.plan();
    plan.clear_workers();
    // Who was to fill replicas may have written nothing yet, and is no server
    // that the job has had.
    if (job.NeedsRollBack() && FillsReplicas(plan)) DropFills(&plan);
    if (job.NeedsRollBack()) EndMoves(&plan);
    if (job.NeedsRollBack() &&
        !PlanRollBack(job, jobs, membership, incarnation, &plan)) {
      return std::nullopt;
    }
  } else {
    plan.set_job(job.id());
    *plan.mutable_spec() = job.spec();
    plan.set_parameters(job.layout().parameters);
    for (const auto& layer : job.layout().layers) *plan.add_layers() = layer;
    for (const auto& tensor : job.layout().tensors) {
      *plan.add_tensors() = tensor;
    }
  }
  if (data.has_value() && !members_change && !servers.empty()) {
    plan.set_training_samples(data->training_samples());
    plan.set_validation_samples(data->validation_samples());
    plan.set_validation_bytes(data->validation_bytes());
    plan.set_steps_per_epoch(
        StepsPerEpoch(job.spec(), data->training_samples()));
    plan.set_optimizer_steps(TotalSteps(job.spec(), data->training_samples()));
    *plan.add_phases()->mutable_synchronisation() = job.synchronisation();
    FillServers(job, membership, servers, &plan);
    plan.set_blocks_since(incarnation);
  }
  plan.set_incarnation(incarnation);
  if (job.NeedsTakeOver()) TakeOver(job.servers_lost(), &plan);
  TakeStep(step, job, jobs, membership, &plan);
  if (plan.phases_size() != 0) {
    plan.set_total_steps(StepSchedule(plan).total_steps());
  }
  for (const MicroBatchRange& range :
       StaticRanges(workers, job.spec().schedule().micro_batches())) {
    *plan.add_workers() = range;
  }
  return plan;
}

}  // namespace hawser
