// A ParameterChannel over one gRPC stream.
#ifndef HAWSER_CLIENT_DATA_PLANE_GRPC_PARAMETER_CHANNEL_H_
#define HAWSER_CLIENT_DATA_PLANE_GRPC_PARAMETER_CHANNEL_H_

#include <memory>
#include <string>

#include "client/data_plane/parameter_channel.h"

namespace hawser {

// address: a gRPC target, "HOST:PORT" or "unix:/path". Connects when first
// used.
std::unique_ptr<ParameterChannel> MakeGrpcParameterChannel(
    const std::string& address);

}  // namespace hawser

#endif  // HAWSER_CLIENT_DATA_PLANE_GRPC_PARAMETER_CHANNEL_H_
