// How much that was written a connection of gRPC lets lie in the kernel between
// processes of one host. Left alone Linux takes some megabytes for TCP, more
// than the caches hold, so that every byte goes to the memory and back on its
// way; and 208 KiB for a unix socket, so that a block takes many wake-ups.
// Between hosts as much has to be on its way as the network asks for:
// connections that are not of one host stay as they are. docs/data_plane.md has
// the measurements.
//
// Thread-safe.
#ifndef HAWSER_COMMON_GRPC_SOCKET_BUFFERS_H_
#define HAWSER_COMMON_GRPC_SOCKET_BUFFERS_H_

#include <string>

#include "grpcpp/support/channel_arguments.h"

namespace hawser {

// Bytes. The kernel doubles it, and with its own share of that a message of
// 1 MiB leaves in two pieces. net.core.wmem_max may hold it down.
inline constexpr int kLocalSendBuffer = 448 << 10;

// For channels to `address`.
void LimitSocketBuffers(const std::string& address,
                        grpc::ChannelArguments* arguments);
// Of one socket.
void LimitSocketBuffer(int socket);

}  // namespace hawser

#endif  // HAWSER_COMMON_GRPC_SOCKET_BUFFERS_H_
