#include "scheduler/grpc_service.h"

#include <string>

#include "absl/synchronization/mutex.h"
#include "common/grpc/grpc_access.h"
#include "common/status_macros.h"
#include "proto/scheduler.grpc.pb.h"
#include "scheduler/member_identities.h"
#include "scheduler/user_jobs.h"

namespace hawser {
namespace {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

grpc::Status ToGrpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()),
          std::string(status.message())};
}

Reactor* Finish(Context* context, const absl::Status& status) {
  Reactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(status));
  return reactor;
}

// Of a call that waits for its answer.
class HeartbeatReactor : public Reactor {
 public:
  HeartbeatReactor(SchedulerDriver* driver, uint64_t node)
      : driver_(driver), node_(node) {}
  void OnCancel() override { driver_->Doubt(node_); }
  void OnDone() override { delete this; }

 private:
  SchedulerDriver* const driver_;
  const uint64_t node_;
};

class GrpcService : public Scheduler::CallbackService {
 public:
  GrpcService(SchedulerDriver* driver, const AccessGuard* guard,
              size_t max_jobs_per_user)
      : driver_(driver), guard_(guard), user_jobs_(max_jobs_per_user) {}

  Reactor* SubmitJob(Context* context, const SubmitJobRequest* request,
                     SubmitJobResponse* response) override {
    return Finish(context, SubmitAs(CallerOf(*context, guard_).get(), *request,
                                    response));
  }
  Reactor* GetJob(Context* context, const GetJobRequest* request,
                  GetJobResponse* response) override {
    Reactor* reactor = context->DefaultReactor();
    driver_->GetJob(*request, response, [reactor](absl::Status status) {
      reactor->Finish(ToGrpc(status));
    });
    return reactor;
  }
  Reactor* ListJobs(Context* context, const ListJobsRequest*,
                    ListJobsResponse* response) override {
    return Finish(context, driver_->List(response));
  }
  Reactor* CancelJob(Context* context, const CancelJobRequest* request,
                     CancelJobResponse*) override {
    return Finish(context, driver_->Cancel(*request));
  }
  Reactor* ChangeJob(Context* context, const ChangeJobRequest* request,
                     ChangeJobResponse* response) override {
    return Finish(context, driver_->ChangeJob(*request, response));
  }
  Reactor* GetJobLog(Context* context, const GetJobLogRequest* request,
                     GetJobLogResponse* response) override {
    return Finish(context, driver_->GetLog(*request, response));
  }
  Reactor* ListNodes(Context* context, const ListNodesRequest*,
                     ListNodesResponse* response) override {
    return Finish(context, driver_->ListNodes(response));
  }
  Reactor* DrainNode(Context* context, const DrainNodeRequest* request,
                     DrainNodeResponse*) override {
    return Finish(context, driver_->DrainNode(*request));
  }
  Reactor* GetVersion(Context* context, const GetVersionRequest*,
                      GetVersionResponse* response) override {
    return Finish(context, driver_->GetVersion(response));
  }
  Reactor* StartTrace(Context* context, const StartTraceRequest* request,
                      StartTraceResponse* response) override {
    return Finish(context, driver_->StartTrace(*request, response));
  }
  Reactor* GetTrace(Context* context, const GetTraceRequest* request,
                    GetTraceResponse* response) override {
    Reactor* reactor = context->DefaultReactor();
    driver_->GetTrace(*request, response, [reactor](absl::Status status) {
      reactor->Finish(ToGrpc(status));
    });
    return reactor;
  }
  Reactor* AddSpans(Context* context, const AddSpansRequest* request,
                    AddSpansResponse*) override {
    absl::Status status = CheckNode(context, request->node());
    if (status.ok()) status = driver_->AddSpans(*request);
    return Finish(context, status);
  }
  Reactor* Register(Context* context, const RegisterRequest* request,
                    RegisterResponse* response) override {
    const auto caller = CallerOf(*context, guard_);
    absl::Status status = identities_.CheckRegistration(caller.get(), *request);
    if (status.ok()) status = driver_->Register(*request, response);
    if (status.ok()) identities_.Registered(caller.get(), response->node());
    return Finish(context, status);
  }
  Reactor* Heartbeat(Context* context, const HeartbeatRequest* request,
                     HeartbeatResponse* response) override {
    const absl::Status allowed = CheckNode(context, request->node());
    if (!allowed.ok()) return Finish(context, allowed);
    Reactor* reactor = new HeartbeatReactor(driver_, request->node());
    driver_->Heartbeat(*request, response, [reactor](absl::Status status) {
      reactor->Finish(ToGrpc(status));
    });
    return reactor;
  }
  Reactor* Report(Context* context, const ReportRequest* request,
                  ReportResponse*) override {
    absl::Status status = CheckNode(context, request->node());
    if (status.ok()) status = driver_->Report(*request);
    return Finish(context, status);
  }
  Reactor* Deregister(Context* context, const DeregisterRequest* request,
                      DeregisterResponse*) override {
    absl::Status status = CheckNode(context, request->node());
    if (status.ok()) status = driver_->Deregister(*request);
    return Finish(context, status);
  }

 private:
  absl::Status CheckNode(Context* context, uint64_t node) const {
    return identities_.CheckNode(CallerOf(*context, guard_).get(), node);
  }

  absl::Status SubmitAs(const Identity* caller, const SubmitJobRequest& request,
                        SubmitJobResponse* response) {
    if (caller == nullptr) return driver_->Submit(request, response);
    absl::MutexLock lock(&user_jobs_mutex_);  // one after the other
    ListJobsResponse jobs;
    RETURN_IF_ERROR(driver_->List(&jobs));
    RETURN_IF_ERROR(user_jobs_.Check(caller, request.spec(), jobs));
    RETURN_IF_ERROR(driver_->Submit(request, response));
    user_jobs_.Accepted(caller, request.spec());
    return absl::OkStatus();
  }

  SchedulerDriver* const driver_;
  const AccessGuard* const guard_;
  absl::Mutex user_jobs_mutex_;
  UserJobs user_jobs_ ABSL_GUARDED_BY(user_jobs_mutex_);
  MemberIdentities identities_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeGrpcService(SchedulerDriver* driver,
                                               const AccessGuard* guard,
                                               size_t max_jobs_per_user) {
  return std::make_unique<GrpcService>(driver, guard, max_jobs_per_user);
}

}  // namespace hawser
