// What clients and members ask of the scheduler.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/job/personalise.h"
#include "common/status_macros.h"
#include "common/version.h"
#include "glog/logging.h"
#include "scheduler/scheduler_driver.h"

namespace hawser {
namespace {

bool AreEqual(
    const std::vector<CheckpointOrder>& orders,
    const google::protobuf::RepeatedPtrField<CheckpointOrder>& known) {
  return std::equal(orders.begin(), orders.end(), known.begin(), known.end(),
                    [](const CheckpointOrder& a, const CheckpointOrder& b) {
                      return a.job() == b.job() && a.step() == b.step();
                    });
}

}  // namespace

absl::Status SchedulerDriver::Submit(const SubmitJobRequest& request,
                                     SubmitJobResponse* response) {
  return Change([&](absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const JobSpec& spec = request.spec();
    ASSIGN_OR_RETURN(const std::vector<JournalEvent> events,
                     state_.Submit(spec, now));
    if (!events.empty()) {
      RETURN_IF_ERROR(Commit(events));
      response->set_job(events.front().job_accepted().job());
    }
    response->set_name(spec.name());
    if (!IsPersonalise(spec)) return absl::OkStatus();
    const auto accepted = static_cast<uint32_t>(events.size());
    response->set_users_accepted(accepted);
    response->set_users_kept(
        static_cast<uint32_t>(spec.personalise().names_size()) - accepted);
    return absl::OkStatus();
  });
}

absl::Status SchedulerDriver::Cancel(const CancelJobRequest& request) {
  return Change([&](absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    ASSIGN_OR_RETURN(const JournalEvent event,
                     state_.Cancel(request.name(), now));
    return Commit({event});
  });
}

absl::Status SchedulerDriver::ChangeJob(const ChangeJobRequest& request,
                                        ChangeJobResponse* response) {
  return Change([&](absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    ASSIGN_OR_RETURN(const JournalEvent event, state_.Change(request, now));
    RETURN_IF_ERROR(Commit({event}));
    JobStatus status;
    (*state_.FindJob(request.name()))
        ->Describe(/*with_plan=*/false, now, &status);
    *response->mutable_synchronisation() = status.spec().synchronisation();
    response->set_servers(status.spec().resources().servers());
    return absl::OkStatus();
  });
}

absl::Status SchedulerDriver::DrainNode(const DrainNodeRequest& request) {
  return Change([&](absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    ASSIGN_OR_RETURN(const JournalEvent event, state_.Drain(request, now));
    return Commit({event});
  });
}

absl::Status SchedulerDriver::List(ListJobsResponse* response) {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckLeads());
  for (const Job* job : state_.Jobs()) {
    job->Describe(/*with_plan=*/false, clock_->Now(), response->add_jobs());
  }
  return absl::OkStatus();
}

absl::Status SchedulerDriver::GetLog(const GetJobLogRequest& request,
                                     GetJobLogResponse* response) {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckLeads());
  ASSIGN_OR_RETURN(const Job* job, state_.FindJob(request.name()));
  job->log().Read(request.first_line(), response);
  return absl::OkStatus();
}

absl::Status SchedulerDriver::ListNodes(ListNodesResponse* response) {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckLeads());
  state_.DescribeNodes(clock_->Now(), response);
  return absl::OkStatus();
}

void SchedulerDriver::Look(
    const std::function<void(const ClusterState& state, absl::Time now)>& look)
    const {
  absl::MutexLock lock(&mutex_);
  look(state_, clock_->Now());
}

absl::Status SchedulerDriver::GetVersion(GetVersionResponse* response) {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckLeads());
  response->set_version(kVersion);
  response->set_unix_ns(
      static_cast<uint64_t>(absl::ToUnixNanos(clock_->Now())));
  return absl::OkStatus();
}

absl::Status SchedulerDriver::StartTrace(const StartTraceRequest& request,
                                         StartTraceResponse* response) {
  return Change([&](absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    ASSIGN_OR_RETURN(const Job* job, state_.FindJob(request.name()));
    ASSIGN_OR_RETURN(*response, traces_.Start(*job, request.steps(), now));
    return absl::OkStatus();
  });
}

absl::Status SchedulerDriver::AddSpans(const AddSpansRequest& request) {
  return Change([&](absl::Time) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return traces_.Add(request);
  });
}

absl::Status SchedulerDriver::Register(const RegisterRequest& request,
                                       RegisterResponse* response) {
  if (request.version() != kVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        "this member has version ", request.version(), ", the scheduler ",
        kVersion, "; run one version everywhere"));
  }
  return Change([&](absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    ASSIGN_OR_RETURN(const uint64_t node, state_.Register(request, now));
    LOG(INFO) << Role_Name(request.role()) << " " << node << " at "
              << request.host() << " " << request.address() << " joins";
    response->set_node(node);
    response->set_lease_ms(
        static_cast<uint32_t>(absl::ToInt64Milliseconds(options_.lease)));
    response->set_heartbeat_ms(
        static_cast<uint32_t>(absl::ToInt64Milliseconds(options_.heartbeat)));
    return absl::OkStatus();
  });
}

absl::Status SchedulerDriver::Deregister(const DeregisterRequest& request) {
  return Change([&](absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    state_.Deregister(request.node(), now);
    return absl::OkStatus();
  });
}

void SchedulerDriver::Doubt(uint64_t node) {
  Change([&](absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    state_.Doubt(node, now);
    return absl::OkStatus();
  }).IgnoreError();
}

absl::Status SchedulerDriver::Report(const ReportRequest& request) {
  return Change([&](absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    RETURN_IF_ERROR(state_.Report(request, now));
    if (!request.has_validation_done()) return absl::OkStatus();
    // Steps go on when it is answered, and nobody can measure it any more.
    const absl::Status durable = Settle(now);
    if (durable.ok()) return absl::OkStatus();
    return absl::UnavailableError(
        absl::StrCat("not durable yet: ", durable.message()));
  });
}

void SchedulerDriver::GetJob(const GetJobRequest& request,
                             GetJobResponse* response, Completion done) {
  ParkedRequests::Request parked;
  parked.done = std::move(done);
  {
    absl::MutexLock lock(&mutex_);
    // One that is unknown is answered at once by `ready` below.
    const auto job = state_.FindJob(request.name());
    if (job.ok()) parked.subject = (*job)->id();
  }
  parked.ready = [this, request, response](
                     bool last_call,
                     absl::Status* status) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const auto job = state_.FindJob(request.name());
    if (!job.ok()) {
      *status = job.status();
      return true;
    }
    // Revisions begin anew when the scheduler restarts.
    const bool is_news = (*job)->revision() != request.newer_than_revision();
    if (!is_news && !last_call) return false;
    (*job)->Describe(request.with_plan(), clock_->Now(),
                     response->mutable_status());
    if (request.with_checkpoints()) {
      state_.DescribeCheckpoints(**job, response->mutable_status());
    }
    return true;
  };
  Park(std::move(parked), request.wait_ms());
}

void SchedulerDriver::GetTrace(const GetTraceRequest& request,
                               GetTraceResponse* response, Completion done) {
  ParkedRequests::Request parked;
  parked.done = std::move(done);
  {
    absl::MutexLock lock(&mutex_);
    // One that is unknown is answered at once by `ready` below.
    traces_.Renew(request.trace(), clock_->Now()).IgnoreError();
    const auto job = traces_.JobOf(request.trace());
    if (job.ok()) parked.subject = *job;
  }
  parked.ready =
      [this, request, response](bool last_call, absl::Status* status)
          ABSL_NO_THREAD_SAFETY_ANALYSIS {
            const bool known = traces_.JobOf(request.trace()).ok();
            if (known && !last_call && !traces_.IsCollected(request.trace())) {
              return false;
            }
            *status = traces_.Read(request.trace(), request.part(), response);
            return true;
          };
  Park(std::move(parked), request.wait_ms());
}

void SchedulerDriver::DrainLeaving(uint64_t node) {
  const absl::Status status =
      Change([&](absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
        NodeStatus known;
        state_.DescribeDrain(node, &known);
        if (known.state() != SERVING) return absl::OkStatus();
        DrainNodeRequest request;
        request.set_node(node);
        ASSIGN_OR_RETURN(const JournalEvent event, state_.Drain(request, now));
        return Commit({event});
      });
  LOG_IF(WARNING, !status.ok())
      << "node " << node << " would leave: " << status;
}

void SchedulerDriver::Heartbeat(const HeartbeatRequest& request,
                                HeartbeatResponse* response, Completion done) {
  {
    absl::MutexLock lock(&mutex_);
    // A member that is unknown is told so by `ready` below.
    const absl::Time now = clock_->Now();
    if (state_.Renew(request.node(), now).ok()) {
      state_.NoteLoads(request.node(), request.loads(), now);
    }
  }
  if (request.leaving()) DrainLeaving(request.node());
  ParkedRequests::Request parked;
  parked.subject = request.node();
  parked.done = std::move(done);
  parked.ready =
      [this, request, response](bool last_call, absl::Status* status)
          ABSL_NO_THREAD_SAFETY_ANALYSIS {
            const auto version = state_.OrdersVersion(request.node());
            if (!version.ok()) {
              *status = version.status();
              return true;
            }
            TraceOrder trace = traces_.OrderFor(request.node());
            const auto checkpoints = state_.CheckpointOrdersFor(request.node());
            NodeStatus node;
            if (request.leaving()) state_.DescribeDrain(request.node(), &node);
            const bool is_news = *version != request.orders_version() ||
                                 node.state() == DRAINED ||
                                 trace.trace() != request.trace().trace() ||
                                 trace.collect() != request.trace().collect() ||
                                 !AreEqual(checkpoints, request.checkpoints());
            if (!is_news && !last_call) return false;
            *response->mutable_orders() = *state_.OrdersFor(request.node());
            *response->mutable_trace() = std::move(trace);
            response->set_state(node.state());
            response->set_reason(node.reason());
            response->mutable_checkpoints()->Assign(checkpoints.begin(),
                                                    checkpoints.end());
            return true;
          };
  Park(std::move(parked), request.wait_ms());
}

}  // namespace hawser
