#include "server/grpc_norm_carrier.h"

#include <chrono>
#include <utility>

#include "glog/logging.h"
#include "grpcpp/grpcpp.h"

namespace hawser {
namespace {

constexpr std::chrono::seconds kDeadline(2);
// More calls than this under way: the peer is gone, the next resend will do.
constexpr int kMaxUnderWay = 4096;

struct Call {
  grpc::ClientContext context;
  ShareNormsRequest request;
  ShareNormsResponse response;
};

}  // namespace

GrpcNormCarrier::~GrpcNormCarrier() {
  absl::MutexLock lock(&mutex_);
  const auto idle = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return under_way_ == 0;
  };
  mutex_.Await(absl::Condition(&idle));
}

void GrpcNormCarrier::Send(const std::string& address,
                           const ShareNormsRequest& norms) {
  ParameterServer::Stub* stub = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    if (under_way_ == kMaxUnderWay) return;
    ++under_way_;
    auto& known = stubs_[address];
    if (known == nullptr) {
      known = ParameterServer::NewStub(
          grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
    }
    stub = known.get();
  }
  auto* call = new Call;
  call->request = norms;
  call->context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  stub->async()->ShareNorms(&call->context, &call->request, &call->response,
                            [this, call](const grpc::Status& status) {
                              LOG_IF_EVERY_N(WARNING, !status.ok(), 100)
                                  << "norms not delivered: "
                                  << status.error_message();
                              delete call;
                              absl::MutexLock lock(&mutex_);
                              --under_way_;
                            });
}

}  // namespace hawser
