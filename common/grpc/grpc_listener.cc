#include "common/grpc/grpc_listener.h"

#include <unistd.h>

#include <chrono>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/grpc/accepted_sockets.h"
#include "common/grpc/grpc_access.h"
#include "common/grpc/grpc_tls.h"
#include "common/listen_address.h"
#include "common/status_macros.h"
#include "grpcpp/ext/channelz_service_plugin.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/impl/server_builder_option.h"

namespace hawser {
namespace {

constexpr int kHandshakeMs = 20000;
constexpr int kIdleConnectionMs = 5 * 60 * 1000;

class SeeSockets : public grpc::ServerBuilderOption {
 public:
  explicit SeeSockets(std::shared_ptr<AcceptedSockets> sockets)
      : sockets_(std::move(sockets)) {}
  void UpdateArguments(grpc::ChannelArguments* arguments) override {
    SetSocketHook(sockets_, arguments);
  }
  void UpdatePlugins(
      std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>*) override {}

 private:
  const std::shared_ptr<AcceptedSockets> sockets_;
};

// gRPC checks tokens where it knows how a connection is protected: by TLS, or
// because it does not leave this host.
absl::Status CheckGuardedAddress(const GrpcListener::Options& options) {
  if (options.guard == nullptr || options.tls.has_value() ||
      absl::StartsWith(options.address, "unix:") ||
      absl::StartsWith(options.address, "127.0.0.1:") ||
      absl::StartsWith(options.address, "localhost:") ||
      absl::StartsWith(options.address, "[::1]:")) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "refusing to take tokens at ", options.address,
      " without TLS: whoever is on the way could read them. Give --tls-dir, or "
      "listen on 127.0.0.1"));
}

std::shared_ptr<grpc::ServerCredentials> CredentialsFor(
    const GrpcListener::Options& options, bool is_unix) {
  if (options.tls.has_value()) {
    return MakeTlsServerCredentials(*options.tls,
                                    options.require_client_certificate);
  }
  if (options.guard == nullptr) return grpc::InsecureServerCredentials();
  return grpc::experimental::LocalServerCredentials(is_unix ? UDS : LOCAL_TCP);
}

absl::Status CannotListen(const std::string& address) {
  return absl::UnavailableError(
      absl::StrCat("cannot listen on ", address,
                   ": is the port taken, or the address not this machine's? "
                   "Choose another with --listen"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcListener>> GrpcListener::Start(
    const Options& options, grpc::Service* service) {
  RETURN_IF_ERROR(CheckListenAddress(
      options.address,
      options.allow_insecure_network ||
          (options.tls.has_value() && options.guard != nullptr)));
  RETURN_IF_ERROR(CheckGuardedAddress(options));
  const auto sockets =
      std::make_shared<AcceptedSockets>(MostConnectionDescriptors());
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::channelz::experimental::InitChannelzService();
  grpc::ServerBuilder builder;
  int port = 0;
  const auto guarded_credentials = [&](bool is_unix) {
    const auto credentials = CredentialsFor(options, is_unix);
    if (options.guard != nullptr) {
      credentials->SetAuthMetadataProcessor(MakeAccessCheck(
          options.guard, [sockets] { return sockets->RecentPeers(); }));
    }
    return credentials;
  };
  const bool is_unix = absl::StartsWith(options.address, "unix:");
  auto listener = absl::WrapUnique(new GrpcListener);
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor;
  if (options.take != nullptr && !options.tls.has_value() && !is_unix) {
    auto shared_port = SharedPort::Listen(options.address);
    if (!shared_port.ok()) return CannotListen(options.address);
    listener->shared_port_ = *std::move(shared_port);
    port = listener->shared_port_->port();
    acceptor = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
        guarded_credentials(/*is_unix=*/false));
  } else {
    builder.AddListeningPort(options.address, guarded_credentials(is_unix),
                             &port);
  }
  if (!options.local_name.empty()) {
    builder.AddListeningPort("unix-abstract:" + options.local_name,
                             guarded_credentials(/*is_unix=*/true));
  }
  if (options.access_log != nullptr) {
    std::vector<
        std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
        recorders;
    recorders.push_back(MakeAccessRecorder(options.guard, options.access_log));
    builder.experimental().SetInterceptorCreators(std::move(recorders));
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
  // So does a daemon, lest the streams of those stay for hours.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, options.silence_ms);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                             options.silence_ms / 2);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.SetMaxReceiveMessageSize(options.max_message_bytes);
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                             kHandshakeMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
                             kIdleConnectionMs);
  builder.SetOption(std::make_unique<SeeSockets>(sockets));
  builder.RegisterService(service);
  for (grpc::Service* more : options.more_services) {
    builder.RegisterService(more);
  }
  listener->server_ = builder.BuildAndStart();
  if (listener->server_ == nullptr) return CannotListen(options.address);
  if (listener->shared_port_ != nullptr) {
    listener->shared_port_->Start(
        {.magic = options.magic,
         .patience = absl::Milliseconds(kHandshakeMs),
         .see = [sockets](int socket) { sockets->See(socket); },
         .take = options.take,
         .grpc = std::move(acceptor)});
  }
  listener->SetServing(false);
  listener->address_ = WithPort(options.address, port);
  listener->local_name_ = options.local_name;
  return listener;
}

void GrpcListener::SetServing(bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(serving);
}

GrpcListener::~GrpcListener() {
  shared_port_.reset();
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now() +
                    std::chrono::milliseconds(500));
  server_->Wait();
  if (absl::StartsWith(address_, "unix:")) {
    ::unlink(address_.substr(sizeof("unix:") - 1).c_str());
  }
}

}  // namespace hawser
