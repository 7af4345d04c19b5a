// A ParameterChannel over one gRPC stream: TCP, with TLS or without, or a unix
// socket.
#ifndef HAWSER_CLIENT_DATA_PLANE_GRPC_PARAMETER_CHANNEL_H_
#define HAWSER_CLIENT_DATA_PLANE_GRPC_PARAMETER_CHANNEL_H_

#include <memory>
#include <string>

#include "client/data_plane/parameter_channel.h"
#include "common/grpc/grpc_caller.h"

namespace hawser {

// address: a gRPC target, "HOST:PORT", "unix:/path" or "unix-abstract:NAME".
// caller: null for plain text and no token. host: whose certificate it must be,
// where the address has no host. most_channels: that a server may have, 1 or 2
// (BytesForTwo). Connects when first used.
std::unique_ptr<ParameterChannel> MakeGrpcParameterChannel(
    const std::string& address,
    std::shared_ptr<const GrpcCaller> caller = nullptr,
    const std::string& host = "", int most_channels = 2);

}  // namespace hawser

#endif  // HAWSER_CLIENT_DATA_PLANE_GRPC_PARAMETER_CHANNEL_H_
