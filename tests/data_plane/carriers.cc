#include "tests/data_plane/carriers.h"

#include <chrono>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/data_plane/direct_parameter_channel.h"
#include "client/data_plane/grpc_parameter_channel.h"
#include "client/data_plane/local_parameter_channel.h"
#include "common/files.h"
#include "common/grpc/grpc_caller.h"
#include "common/grpc/grpc_tls.h"
#include "common/security/tls_files.h"
#include "common/wire/grpc_frame.h"
#include "glog/logging.h"
#include "gtest/gtest.h"
#include "server/grpc_service.h"
#include "server/in_process_channel.h"
#include "tests/data_plane/self_signed.h"

namespace hawser {
namespace {

// The files of TLS, the same for both ends. Made once, whole.
std::string SelfSignedDirectory() {
  static const std::string* const made = [] {
    auto* directory = new std::string(testing::TempDir() + "/tls-XXXXXX");
    CHECK(mkdtemp(directory->data()) != nullptr);
    for (const auto& [name, text] : {std::pair("tls.key", kSelfSignedKey),
                                     {"tls.crt", kSelfSignedCertificate},
                                     {"ca.crt", kSelfSignedCertificate}}) {
      CHECK(WriteWholeFile(*directory + "/" + name, text).ok());
    }
    return directory;
  }();
  return *made;
}

}  // namespace

std::string CarrierName(Carrier carrier) {
  switch (carrier) {
    case Carrier::kInProcess:
      return "InProcess";
    case Carrier::kSharedMemory:
      return "SharedMemory";
    case Carrier::kUnixSocket:
      return "UnixSocket";
    case Carrier::kDirect:
      return "Direct";
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
    const auto files = TlsFilesIn(SelfSignedDirectory());
    CHECK(files.ok()) << files.status();
    credentials = MakeTlsServerCredentials(*files, /*require=*/true);
  }
  service_ = MakeGrpcService(driver, intake);
  if (carrier == Carrier::kDirect) {
    direct_ = std::make_unique<DirectStreams>(intake, DirectStreams::Options());
    auto listener = GrpcListener::Start({.address = "localhost:0",
                                         .max_message_bytes = kMaxMessageBytes,
                                         .magic = DirectStreams::kMagic,
                                         .take =
                                             [this](FileDescriptor socket) {
                                               direct_->Take(std::move(socket));
                                             }},
                                        service_.get());
    CHECK(listener.ok()) << listener.status();
    direct_listener_ = *std::move(listener);
    address_ = direct_listener_->address();
    return;
  }
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
  direct_listener_.reset();
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
    auto caller = GrpcCaller::Open(SelfSignedDirectory(), /*token_file=*/"");
    CHECK(caller.ok()) << caller.status();
    return MakeGrpcParameterChannel(address, *std::move(caller));
  }
  if (carrier == Carrier::kDirect) {
    return MakeDirectParameterChannel(address, /*caller=*/nullptr,
                                      MakeGrpcParameterChannel(address));
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
