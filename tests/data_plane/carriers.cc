#include "tests/data_plane/carriers.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/data_plane/grpc_parameter_channel.h"
#include "client/data_plane/local_parameter_channel.h"
#include "common/wire/grpc_frame.h"
#include "glog/logging.h"
#include "server/grpc_service.h"
#include "server/in_process_channel.h"
#include "tests/data_plane/self_signed.h"

namespace hawser {

std::string CarrierName(Carrier carrier) {
  switch (carrier) {
    case Carrier::kInProcess:
      return "InProcess";
    case Carrier::kSharedMemory:
      return "SharedMemory";
    case Carrier::kUnixSocket:
      return "UnixSocket";
    case Carrier::kTcp:
      return "Tcp";
    case Carrier::kTls:
      return "Tls";
  }
  return "";
}

CarrierServer::CarrierServer(Carrier carrier, ServerDriver* driver,
                             Intake* intake)
    : carrier_(carrier), driver_(driver), intake_(intake) {
  if (carrier == Carrier::kInProcess) return;
  auto credentials = grpc::InsecureServerCredentials();
  if (carrier == Carrier::kTls) {
    grpc::SslServerCredentialsOptions options;
    options.pem_key_cert_pairs.push_back(
        {kSelfSignedKey, kSelfSignedCertificate});
    credentials = grpc::SslServerCredentials(options);
  }
  service_ = MakeGrpcService(driver, intake);
  grpc::ServerBuilder builder;
  int port = 0;
  const std::string listen = carrier == Carrier::kUnixSocket
                                 ? "unix-abstract:" + RandomLocalName()
                                 : "localhost:0";
  builder.AddListeningPort(listen, credentials, &port);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  // Or the port may be another process's, too.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.RegisterService(service_.get());
  grpc_ = builder.BuildAndStart();
  CHECK(grpc_ != nullptr);
  address_ = carrier == Carrier::kUnixSocket ? listen
                                             : absl::StrCat("localhost:", port);
  if (carrier != Carrier::kSharedMemory) return;
  auto local = LocalListener::Start(intake);
  CHECK(local.ok()) << local.status();
  local_ = *std::move(local);
  absl::StrAppend(&address_, "|", local_->name());
}

CarrierServer::~CarrierServer() {
  local_.reset();
  if (grpc_ == nullptr) return;
  grpc_->Shutdown(std::chrono::system_clock::now());
  grpc_->Wait();
}

std::unique_ptr<ParameterChannel> CarrierServer::Connect(
    const SharedMemory* memory) {
  if (carrier_ == Carrier::kInProcess) {
    return MakeInProcessChannel(driver_, intake_);
  }
  return ConnectByCarrier(carrier_, address_, memory);
}

std::unique_ptr<ParameterChannel> ConnectByCarrier(Carrier carrier,
                                                   const std::string& address,
                                                   const SharedMemory* memory) {
  if (carrier == Carrier::kTls) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = kSelfSignedCertificate;
    return MakeGrpcParameterChannel(address, grpc::SslCredentials(options));
  }
  if (carrier != Carrier::kSharedMemory) {
    return MakeGrpcParameterChannel(address);
  }
  const std::vector<std::string> parts = absl::StrSplit(address, '|');
  auto channel = MakeLocalParameterChannel(parts[1], memory,
                                           MakeGrpcParameterChannel(parts[0]));
  CHECK(channel.ok()) << channel.status();
  return *std::move(channel);
}

}  // namespace hawser
