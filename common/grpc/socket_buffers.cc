#include "common/grpc/socket_buffers.h"

#include <sys/socket.h>

#include <memory>

#include "absl/strings/match.h"
#include "common/grpc/socket_hook.h"

namespace hawser {
namespace {

constexpr int kSendBuffer = 256 << 10;

class Limit : public SocketHook {
 public:
  void See(int socket) override { LimitSocketBuffer(socket); }
};

}  // namespace

bool IsLoopbackTarget(const std::string& address) {
  return absl::StartsWith(address, "127.") ||
         absl::StartsWith(address, "localhost:") ||
         absl::StartsWith(address, "[::1]:");
}

void LimitSocketBuffer(int socket) {
  // A socket that refuses works all the same.
  setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof(kSendBuffer));
}

void LimitSocketBuffers(const std::string& address,
                        grpc::ChannelArguments* arguments) {
  // One for all, so that gRPC sees channels with it as alike.
  static const auto limit = std::make_shared<Limit>();
  if (IsLoopbackTarget(address)) SetSocketHook(limit, arguments);
}

}  // namespace hawser
