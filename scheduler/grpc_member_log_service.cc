#include "scheduler/grpc_member_log_service.h"

#include "absl/synchronization/mutex.h"
#include "grpcpp/grpcpp.h"
#include "proto/member_log.grpc.pb.h"
#include "scheduler/state/member_lines.h"

namespace hawser {
namespace {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

class GrpcMemberLogService : public MemberLog::CallbackService {
 public:
  explicit GrpcMemberLogService(const SchedulerDriver* driver)
      : driver_(driver) {}

  Reactor* AddLines(Context* context, const AddLinesRequest* request,
                    AddLinesResponse*) override {
    {
      absl::MutexLock lock(&mutex_);
      bool has_new_job = false;
      for (const MemberLine& line : request->lines()) {
        has_new_job |= lines_.Add(line);
      }
      if (has_new_job) {
        lines_.KeepOnly(
            [&](const std::string& job) { return driver_->HasJob(job); });
      }
    }
    return Done(context);
  }
  Reactor* GetLines(Context* context, const GetLinesRequest* request,
                    GetLinesResponse* response) override {
    {
      absl::MutexLock lock(&mutex_);
      lines_.Read(request->job(), request->first_line(), response);
    }
    return Done(context);
  }

 private:
  static Reactor* Done(Context* context) {
    Reactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  const SchedulerDriver* const driver_;
  absl::Mutex mutex_;
  MemberLines lines_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<grpc::Service> MakeGrpcMemberLogService(
    const SchedulerDriver* driver) {
  return std::make_unique<GrpcMemberLogService>(driver);
}

}  // namespace hawser
