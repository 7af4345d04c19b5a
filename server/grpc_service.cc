#include "server/grpc_service.h"

#include <string>

#include "proto/parameter_server.grpc.pb.h"
#include "server/grpc_exchange.h"

namespace hawser {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

ServerUnaryReactor* Finish(CallbackServerContext* context,
                           const absl::Status& status) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish({static_cast<grpc::StatusCode>(status.code()),
                   std::string(status.message())});
  return reactor;
}

// Exchange carries raw bytes; the others are ordinary messages.
using CallbackService = ParameterServer::WithRawCallbackMethod_Exchange<
    ParameterServer::WithCallbackMethod_GetProgress<
        ParameterServer::WithCallbackMethod_ShareNorms<
            ParameterServer::Service>>>;

class GrpcService : public CallbackService {
 public:
  GrpcService(ServerDriver* driver, Intake* intake)
      : driver_(driver), intake_(intake) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Exchange(
      CallbackServerContext*) override {
    return StartExchange(intake_);
  }

  ServerUnaryReactor* GetProgress(CallbackServerContext* context,
                                  const GetProgressRequest* request,
                                  GetProgressResponse* response) override {
    const auto step = driver_->Progress(request->job(), request->incarnation());
    if (step.ok()) response->set_step(*step);
    return Finish(context, step.status());
  }

  ServerUnaryReactor* ShareNorms(CallbackServerContext* context,
                                 const ShareNormsRequest* request,
                                 ShareNormsResponse*) override {
    return Finish(context, driver_->ReceiveNorms(*request));
  }

 private:
  ServerDriver* const driver_;
  Intake* const intake_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeGrpcService(ServerDriver* driver,
                                               Intake* intake) {
  return std::make_unique<GrpcService>(driver, intake);
}

}  // namespace hawser
