// Channels to a peer that may start over at another address under its name, as
// a pod of Kubernetes does. gRPC looks a name up again when it cannot connect,
// but left alone not within 30 s of the last time, and gives one attempt 20 s,
// which is what an address costs that nobody has any more.
//
// Thread-safe.
#ifndef HAWSER_COMMON_GRPC_MOVING_PEER_H_
#define HAWSER_COMMON_GRPC_MOVING_PEER_H_

#include "grpcpp/support/channel_arguments.h"

namespace hawser {

// A name is looked up at most once a second.
inline void LookUpAgainSoon(grpc::ChannelArguments* arguments) {
  arguments->SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, 1000);
}

// In spite of its name this is the time given to an attempt to connect.
inline void ConnectWithin(int milliseconds, grpc::ChannelArguments* arguments) {
  arguments->SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, milliseconds);
}

}  // namespace hawser

#endif  // HAWSER_COMMON_GRPC_MOVING_PEER_H_
