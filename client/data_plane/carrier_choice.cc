#include "client/data_plane/carrier_choice.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/data_plane/direct_parameter_channel.h"
#include "client/data_plane/grpc_parameter_channel.h"
#include "client/data_plane/local_parameter_channel.h"
#include "common/grpc/target.h"
#include "common/wire/local_stream.h"
#include "glog/logging.h"

namespace hawser {
namespace {

// No way leads to the server.
class NoChannel : public ParameterChannel {
 public:
  explicit NoChannel(const std::string& address)
      : status_(absl::UnavailableError(absl::StrCat(
            "server ", address,
            " is not on this host, and --carriers has no tcp: add it"))) {}

  absl::StatusOr<uint64_t> GetProgress(uint64_t, uint64_t) override {
    return status_;
  }
  absl::Status Send(const FrameHeader&, absl::Span<const char>) override {
    return status_;
  }
  absl::Status Receive(
      absl::FunctionRef<absl::Status(const FrameHeader&, PayloadPieces)>)
      override {
    return status_;
  }
  void Cancel() override {}

 private:
  const absl::Status status_;
};

bool Answers(const std::string& name) {
  return !name.empty() && ConnectLocal(name).ok();
}

}  // namespace

absl::StatusOr<Carriers> ParseCarriers(absl::string_view list) {
  Carriers carriers = {false, false, false, false};
  for (const absl::string_view word : absl::StrSplit(list, ',')) {
    if (word == "shared-memory") {
      carriers.shared_memory = true;
    } else if (word == "unix-socket") {
      carriers.unix_socket = true;
    } else if (word == "direct-tcp") {
      carriers.direct_tcp = true;
    } else if (word == "tcp") {
      carriers.tcp = true;
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("--carriers: \"", word,
                       "\" is none of shared-memory, unix-socket, "
                       "direct-tcp, tcp"));
    }
  }
  return carriers;
}

std::unique_ptr<ParameterChannel> ChooseCarrier(const CarrierOptions& options,
                                                const ServerEndpoint& server) {
  if (options.in_process != nullptr) {
    auto channel = options.in_process(server);
    if (channel != nullptr) return channel;
  }
  const Carriers& carriers = options.carriers;
  const LocalSockets& local = server.local();
  const bool has_unix = carriers.unix_socket && Answers(local.grpc());
  const std::string grpc_address =
      has_unix ? "unix-abstract:" + local.grpc() : server.address();
  const auto grpc_channel = [&] {
    return MakeGrpcParameterChannel(
        grpc_address, options.caller,
        has_unix ? HostOfTarget(server.address()) : "",
        options.channels_per_server);
  };
  if (carriers.shared_memory && !local.shared_memory().empty()) {
    auto channel = MakeLocalParameterChannel(local.shared_memory(),
                                             options.memory, grpc_channel());
    if (channel.ok()) {
      LOG(INFO) << "server " << server.address() << " by shared memory";
      return *std::move(channel);
    }
  }
  if (!has_unix && !carriers.tcp && !carriers.direct_tcp) {
    return std::make_unique<NoChannel>(server.address());
  }
  if (carriers.direct_tcp && !has_unix && !IsUnixTarget(server.address()) &&
      (options.caller == nullptr || !options.caller->encrypts())) {
    return MakeDirectParameterChannel(server.address(), options.caller,
                                      grpc_channel());
  }
  LOG(INFO) << "server " << server.address()
            << (has_unix ? " by a unix socket" : " by TCP");
  return grpc_channel();
}

}  // namespace hawser
