#include "common/grpc/socket_buffers.h"

#include <sys/socket.h>

#include <memory>

#include "common/grpc/socket_hook.h"
#include "common/grpc/target.h"

namespace hawser {
namespace {

class Limit : public SocketHook {
 public:
  void See(int socket) override { LimitSocketBuffer(socket); }
};

}  // namespace

void LimitSocketBuffer(int socket) {
  // A socket that refuses works all the same.
  setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &kLocalSendBuffer,
             sizeof(kLocalSendBuffer));
}

void LimitSocketBuffers(const std::string& address,
                        grpc::ChannelArguments* arguments) {
  // One for all, so that gRPC sees channels with it as alike.
  static const auto limit = std::make_shared<Limit>();
  if (IsOfThisHost(address)) SetSocketHook(limit, arguments);
}

}  // namespace hawser
