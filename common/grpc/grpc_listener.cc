#include "common/grpc/grpc_listener.h"

#include <unistd.h>

#include <chrono>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/grpc/socket_buffers.h"
#include "common/listen_address.h"
#include "common/status_macros.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/impl/server_builder_option.h"

namespace hawser {
namespace {

class LimitedSocketBuffers : public grpc::ServerBuilderOption {
 public:
  explicit LimitedSocketBuffers(std::string address)
      : address_(std::move(address)) {}
  void UpdateArguments(grpc::ChannelArguments* arguments) override {
    LimitSocketBuffers(address_, arguments);
  }
  void UpdatePlugins(
      std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>*) override {}

 private:
  const std::string address_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcListener>> GrpcListener::Start(
    const Options& options, grpc::Service* service) {
  RETURN_IF_ERROR(
      CheckListenAddress(options.address, options.allow_insecure_network));
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(options.address, grpc::InsecureServerCredentials(),
                           &port);
  if (!options.local_name.empty()) {
    builder.AddListeningPort("unix-abstract:" + options.local_name,
                             grpc::InsecureServerCredentials());
  }
  if (options.max_memory_bytes != 0) {
    grpc::ResourceQuota quota("peers");
    quota.Resize(options.max_memory_bytes);
    builder.SetResourceQuota(quota);
  }
  if (options.max_streams_of_connection != 0) {
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                               options.max_streams_of_connection);
  }
  // A port that another process has is an error, not shared.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Members ping when idle, to notice a peer that has vanished.
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5000);
  builder.SetMaxReceiveMessageSize(options.max_message_bytes);
  builder.SetMaxSendMessageSize(-1);
  builder.SetOption(std::make_unique<LimitedSocketBuffers>(options.address));
  builder.RegisterService(service);
  auto listener = absl::WrapUnique(new GrpcListener);
  listener->server_ = builder.BuildAndStart();
  if (listener->server_ == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", options.address,
                     ": is the port taken, or the address not this machine's? "
                     "Choose another with --listen"));
  }
  listener->address_ = WithPort(options.address, port);
  listener->local_name_ = options.local_name;
  return listener;
}

GrpcListener::~GrpcListener() {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now() +
                    std::chrono::milliseconds(500));
  server_->Wait();
  if (absl::StartsWith(address_, "unix:")) {
    ::unlink(address_.substr(sizeof("unix:") - 1).c_str());
  }
}

}  // namespace hawser
