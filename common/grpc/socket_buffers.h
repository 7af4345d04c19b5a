// How much that was written a TCP connection of gRPC lets lie in the kernel on
// loopback. Left alone Linux takes some megabytes: more than the caches hold,
// so that every byte goes to the memory and back on its way. Between hosts as
// much has to be on its way as the network asks for: connections that are not
// of one host stay as they are. docs/data_plane.md has the measurements.
//
// Thread-safe.
#ifndef HAWSER_COMMON_GRPC_SOCKET_BUFFERS_H_
#define HAWSER_COMMON_GRPC_SOCKET_BUFFERS_H_

#include <string>

#include "grpcpp/support/channel_arguments.h"

namespace hawser {

// Whether connections to, or accepted at, this address are of one host.
bool IsLoopbackTarget(const std::string& address);

// For channels to `address`.
void LimitSocketBuffers(const std::string& address,
                        grpc::ChannelArguments* arguments);
// Of one socket.
void LimitSocketBuffer(int socket);

}  // namespace hawser

#endif  // HAWSER_COMMON_GRPC_SOCKET_BUFFERS_H_
