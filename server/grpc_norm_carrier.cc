#include "server/grpc_norm_carrier.h"

#include <chrono>
#include <utility>

#include "common/grpc/moving_peer.h"
#include "glog/logging.h"
#include "grpcpp/grpcpp.h"

namespace hawser {
namespace {

constexpr std::chrono::seconds kDeadline(2);
// More calls than this under way: the peer is gone, the next resend will do.
constexpr int kMaxUnderWay = 4096;

// How long one attempt to connect may take, and the longest pause between two:
// a job waits for its norms.
constexpr int kConnectMs = 2000;
constexpr int kLongestBackoffMs = 500;

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  LookUpAgainSoon(&arguments);
  ConnectWithin(kConnectMs, &arguments);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kLongestBackoffMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLongestBackoffMs);
  return arguments;
}

struct Call {
  grpc::ClientContext context;
  ShareNormsRequest request;
  ShareNormsResponse response;
};

}  // namespace

GrpcNormCarrier::GrpcNormCarrier(std::shared_ptr<const GrpcCaller> caller)
    : caller_(caller == nullptr ? std::make_shared<GrpcCaller>()
                                : std::move(caller)) {}

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
      known = ParameterServer::NewStub(caller_->Connect(address, Arguments()));
    }
    stub = known.get();
  }
  auto* call = new Call;
  call->request = norms;
  call->context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  caller_->Sign(address, &call->context);
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
