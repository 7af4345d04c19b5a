#include "scheduler/grpc_service.h"

#include <string>

#include "proto/scheduler.grpc.pb.h"

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

class GrpcService : public Scheduler::CallbackService {
 public:
  explicit GrpcService(SchedulerDriver* driver) : driver_(driver) {}

  Reactor* SubmitJob(Context* context, const SubmitJobRequest* request,
                     SubmitJobResponse* response) override {
    return Finish(context, driver_->Submit(*request, response));
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
    return Finish(context, driver_->AddSpans(*request));
  }
  Reactor* Register(Context* context, const RegisterRequest* request,
                    RegisterResponse* response) override {
    return Finish(context, driver_->Register(*request, response));
  }
  Reactor* Heartbeat(Context* context, const HeartbeatRequest* request,
                     HeartbeatResponse* response) override {
    Reactor* reactor = context->DefaultReactor();
    driver_->Heartbeat(*request, response, [reactor](absl::Status status) {
      reactor->Finish(ToGrpc(status));
    });
    return reactor;
  }
  Reactor* Report(Context* context, const ReportRequest* request,
                  ReportResponse*) override {
    return Finish(context, driver_->Report(*request));
  }
  Reactor* Deregister(Context* context, const DeregisterRequest* request,
                      DeregisterResponse*) override {
    return Finish(context, driver_->Deregister(*request));
  }

 private:
  SchedulerDriver* const driver_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeGrpcService(SchedulerDriver* driver) {
  return std::make_unique<GrpcService>(driver);
}

}  // namespace hawser
