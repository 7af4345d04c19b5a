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
  Reactor* AddLines(Context* context, const AddLinesRequest* request,
                    AddLinesResponse*) override {
    {
      absl::MutexLock lock(&mutex_);
      for (const MemberLine& line : request->lines()) lines_.Add(line);
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

  absl::Mutex mutex_;
  MemberLines lines_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<grpc::Service> MakeGrpcMemberLogService() {
  return std::make_unique<GrpcMemberLogService>();
}

}  // namespace hawser
