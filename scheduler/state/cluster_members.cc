// Servers and workers: who comes, stays, leaves, and what they report.
#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "scheduler/state/cluster_state.h"

namespace hawser {

absl::StatusOr<uint64_t> ClusterState::Register(const RegisterRequest& request,
                                                absl::Time now) {
  if (request.role() != SERVER && request.role() != WORKER) {
    return absl::InvalidArgumentError("a member is a server or a worker");
  }
  if (request.role() == SERVER && request.address().empty()) {
    return absl::InvalidArgumentError("a server needs an address");
  }
  if (membership_.MayComeBack(request)) {
    membership_.Register(request.former_node(), request, now);
    Welcome(request.former_node(), request.role());
    return request.former_node();
  }
  if (membership_.members().size() >= kMaxMembers) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the cluster has ", kMaxMembers, " members already"));
  }
  if (next_number_ >= reserved_limit_) {
    return absl::UnavailableError("the journal has not reserved a number yet");
  }
  if (request.role() == SERVER) {
    // Its process is another by now, or never learned the number.
    const std::optional<uint64_t> before =
        membership_.FindServer(request.address());
    if (before.has_value()) {
      membership_.Deregister(*before, LossReason::kStartedOver);
      Lose(*before, "has started over", now);
    }
  }
  const uint64_t node = next_number_++;
  membership_.Register(node, request, now);
  Welcome(node, request.role());
  return node;
}

void ClusterState::Welcome(uint64_t node, Role role) {
  if (role == WORKER && !membership_.IsDraining(node)) {
    assignments_.WorkerJoins(node);
  }
  NoteWhyJobsWait();
}

absl::Status ClusterState::Renew(uint64_t node, absl::Time now) {
  if (membership_.Renew(node, now)) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("node ", node, " has no lease; register again"));
}

void ClusterState::NoteLoads(
    uint64_t node, const google::protobuf::RepeatedPtrField<ServerLoad>& loads,
    absl::Time now) {
  for (const ServerLoad& load : loads) {
    const auto found = jobs_.find(load.job());
    if (found != jobs_.end()) found->second.NoteLoad(node, load, now);
  }
}

void ClusterState::Doubt(uint64_t node, absl::Time now) {
  const auto& jobs = assignments_.JobsOf(node);
  const bool costs_nothing =
      !jobs.empty() && std::all_of(jobs.begin(), jobs.end(), [&](uint64_t id) {
        return jobs_.at(id).SurvivesWithout(node);
      });
  if (costs_nothing) membership_.Doubt(node, now);
}

void ClusterState::Deregister(uint64_t node, absl::Time now) {
  if (membership_.Deregister(node)) Lose(node, "has left", now);
}

void ClusterState::Lose(uint64_t node, const std::string& why, absl::Time now) {
  news_.insert(node);
  assignments_.WorkerLeaves(node);
  for (const uint64_t id : assignments_.JobsOf(node)) {
    Job* job = Touch(id);
    job->MemberLost(node, why, now);
    // Without a server there is nothing for its workers to do.
    if (job->IsBroken()) TellMembers(id);
  }
  NoteWhyJobsWait();
}

absl::Status ClusterState::Report(const ReportRequest& report, absl::Time now) {
  if (membership_.Find(report.node()) == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("node ", report.node(), " has no lease"));
  }
  Job* job = Touch(report.job());
  if (job == nullptr) {
    // NOT_FOUND would say that the member is unknown.
    return absl::FailedPreconditionError(absl::StrCat("no job ", report.job()));
  }
  const bool were_ready = job->ServersReady();
  RETURN_IF_ERROR(job->Report(report, now));
  if (job->ServersReady() != were_ready) {
    start_order_.HasRead(job->id());
    NoteWhyJobsWait();
    TellMembers(job->id());
  }
  if (report.has_data_loaded()) NoteWhyJobsWait();
  if (report.has_failed()) readmissions_.Set(job->id(), job->NextReadmission());
  FollowTimedCheckpoint(job, now);
  return absl::OkStatus();
}

}  // namespace hawser
