// The data plane to a server on a connection of its own: frames as they are
// (common/wire/direct_stream.h), without gRPC's share of the work.
#ifndef HAWSER_CLIENT_DATA_PLANE_DIRECT_PARAMETER_CHANNEL_H_
#define HAWSER_CLIENT_DATA_PLANE_DIRECT_PARAMETER_CHANNEL_H_

#include <memory>
#include <string>

#include "client/data_plane/parameter_channel.h"
#include "common/grpc/grpc_caller.h"

namespace hawser {

// address: HOST:PORT or a unix socket, as gRPC writes them; connected to when
// first used. grpc: what carries everything if the server takes no such
// connection there, and what else is called of the server. caller: who this is;
// null: nobody.
std::unique_ptr<ParameterChannel> MakeDirectParameterChannel(
    const std::string& address, std::shared_ptr<const GrpcCaller> caller,
    std::unique_ptr<ParameterChannel> grpc);

}  // namespace hawser

#endif  // HAWSER_CLIENT_DATA_PLANE_DIRECT_PARAMETER_CHANNEL_H_
