#include "server/direct_streams.h"

#include <sys/eventfd.h>

#include <memory>
#include <string>
#include <utility>

#include "common/grpc/peer_host.h"
#include "common/wire/direct_stream.h"
#include "server/direct_exchange.h"

namespace hawser {
namespace {

// What a stream is for whoever guards it: the same as this call of gRPC's.
constexpr char kMethod[] = "/hawser.ParameterServer/Exchange";

}  // namespace

void DirectStreams::Take(FileDescriptor socket) {
  FileDescriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return;
  ProbeWhenSilent(socket, options_.silence);
  const auto admit = [guard = options_.guard, peer = PeerHost(socket.get())](
                         absl::string_view authorization) {
    if (guard == nullptr) return absl::OkStatus();
    return guard->Check(kMethod, authorization, [peer] { return peer; });
  };
  const absl::Status started = threads_.Start(std::make_shared<DirectExchange>(
      std::move(socket), std::move(wake), intake_, admit, options_.silence));
  if (!started.ok()) intake_->CountRefused(started);
}

}  // namespace hawser
