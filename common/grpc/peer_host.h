// Who is at the other end of a socket.
#ifndef HAWSER_COMMON_GRPC_PEER_HOST_H_
#define HAWSER_COMMON_GRPC_PEER_HOST_H_

#include <string>

namespace hawser {

// The peer's IP address, "unix" for a unix socket; empty if it has no peer.
std::string PeerHost(int socket);

// Whether a peer of that host runs on this machine: it came over loopback or a
// unix socket.
bool IsHostOfThisMachine(const std::string& host);

}  // namespace hawser

#endif  // HAWSER_COMMON_GRPC_PEER_HOST_H_
