// A look at each TCP or unix socket that gRPC makes or accepts, before it is
// used.
#ifndef HAWSER_COMMON_GRPC_SOCKET_HOOK_H_
#define HAWSER_COMMON_GRPC_SOCKET_HOOK_H_

#include <memory>

#include "grpcpp/support/channel_arguments.h"

namespace hawser {

class SocketHook {
 public:
  virtual ~SocketHook() = default;
  // Any thread. A socket that is to be cut is shut down.
  virtual void See(int socket) = 0;
};

// For the channels or the server that get the arguments; at most one hook.
// False: this version of gRPC has none.
bool SetSocketHook(std::shared_ptr<SocketHook> hook,
                   grpc::ChannelArguments* arguments);

}  // namespace hawser

#endif  // HAWSER_COMMON_GRPC_SOCKET_HOOK_H_
