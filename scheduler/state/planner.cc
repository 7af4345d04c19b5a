#include "scheduler/state/planner.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/job/blocks.h"
#include "common/job/job_rules.h"
#include "common/job/step_schedule.h"
#include "scheduler/state/micro_batch_leases.h"
#include "scheduler/state/placement.h"
#include "scheduler/state/roll_back.h"
#include "scheduler/state/server_load.h"

namespace hawser {
namespace {

// Those of the plan that are still there, then idle ones, up to what the job
// asks for. taken: how many of the latter.
std::vector<uint64_t> ChooseWorkers(const Job& job,
                                    const Membership& membership,
                                    const std::set<uint64_t>& idle,
                                    size_t* taken) {
  std::vector<uint64_t> workers;
  if (job.plan().has_value()) {
    for (const auto& worker : job.plan()->workers()) {
      if (membership.Find(worker.node()) != nullptr &&
          !job.IsExcluded(worker.node())) {
        workers.push_back(worker.node());
      }
    }
  }
  const size_t kept = workers.size();
  for (const uint64_t node : idle) {
    if (workers.size() >= job.spec().resources().workers()) break;
    if (!job.IsExcluded(node)) workers.push_back(node);
  }
  *taken = workers.size() - kept;
  return workers;
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
  const size_t wanted = job.spec().resources().servers();
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
  std::map<uint32_t, uint32_t> renumbered;
  for (const Block& block : blocks) renumbered[block.server()] = 0;
  for (auto& [chosen, index] : renumbered) {
    index = static_cast<uint32_t>(plan->servers_size());
    ServerEndpoint* endpoint = plan->add_servers();
    endpoint->set_node(servers[chosen]);
    const Member& server = *membership.Find(servers[chosen]);
    endpoint->set_address(server.address);
    *endpoint->mutable_local() = server.local;
  }
  for (Block& block : blocks) {
    block.set_server(renumbered.at(block.server()));
    *plan->add_blocks() = block;
  }
}

// A change of how a running job is synchronised takes two plans: one that stops
// the work, upon which its servers say how far it has come, and one with a
// phase from there on.
enum class ChangeStep { kNone, kPause, kGoOn };

ChangeStep NextChange(const Job& job) {
  if (!job.change().has_value() || !job.plan().has_value() ||
      job.plan()->phases_size() == 0) {
    return ChangeStep::kNone;
  }
  if (!job.plan()->pause()) return ChangeStep::kPause;
  return job.ServersReady() ? ChangeStep::kGoOn : ChangeStep::kNone;
}

void ApplyChange(const Job& job, Plan* plan) {
  switch (NextChange(job)) {
    case ChangeStep::kNone:
      return;
    case ChangeStep::kPause:
      plan->set_pause(true);
      return;
    case ChangeStep::kGoOn:
      break;
  }
  plan->set_pause(false);
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

}  // namespace

std::optional<Plan> NextPlan(const Job& job,
                             const std::map<uint64_t, Job>& jobs,
                             const Membership& membership,
                             const std::set<uint64_t>& idle,
                             uint64_t incarnation) {
  const bool planned = job.plan().has_value();
  const uint32_t wanted = job.spec().resources().workers();
  const bool changes = NextChange(job) != ChangeStep::kNone;
  if (job.reattaching() && AwaitsMembers(job, membership)) return std::nullopt;
  // Most of the time nothing is to be done, which must be seen without a walk
  // over the members.
  if (!planned &&
      (idle.size() < wanted ||
       membership.servers().size() < job.spec().resources().servers())) {
    return std::nullopt;
  }
  if (planned && job.plan()->total_steps() != 0 && !job.WorkersChanged() &&
      (static_cast<uint32_t>(job.plan()->workers_size()) >= wanted ||
       idle.empty()) &&
      !changes && !job.reattaching() && !job.NeedsRollBack()) {
    return std::nullopt;
  }
  const std::optional<DataLoaded> data =
      planned && job.plan()->total_steps() == 0 ? job.DataOfAllWorkers()
                                                : std::nullopt;
  const std::vector<uint64_t> servers =
      !planned || data.has_value() ? ChooseServers(job, jobs, membership)
                                   : std::vector<uint64_t>();
  size_t taken = 0;
  const std::vector<uint64_t> workers =
      ChooseWorkers(job, membership, idle, &taken);
  const bool members_change =
      job.WorkersChanged() || taken != 0 || job.NeedsRollBack();
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
  if (data.has_value() && !members_change) {
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
  ApplyChange(job, &plan);
  if (plan.phases_size() != 0) {
    plan.set_total_steps(StepSchedule(plan).total_steps());
  }
  plan.set_incarnation(incarnation);
  for (const MicroBatchRange& range :
       StaticRanges(workers, job.spec().schedule().micro_batches())) {
    *plan.add_workers() = range;
  }
  return plan;
}

}  // namespace hawser
