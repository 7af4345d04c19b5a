#include "common/grpc/peer_host.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "absl/strings/match.h"

namespace hawser {
namespace {

constexpr char kUnix[] = "unix";

}  // namespace

std::string PeerHost(int socket) {
  sockaddr_storage peer = {};
  socklen_t size = sizeof(peer);
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) != 0) {
    return "";
  }
  char text[INET6_ADDRSTRLEN] = "";
  if (peer.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(peer).sin_addr,
              text, sizeof(text));
  } else if (peer.ss_family == AF_INET6) {
    const in6_addr& host =
        reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&host)) {
      inet_ntop(AF_INET, &host.s6_addr[12], text, sizeof(text));
    } else {
      inet_ntop(AF_INET6, &host, text, sizeof(text));
    }
  } else {
    return kUnix;
  }
  return text;
}

bool IsHostOfThisMachine(const std::string& host) {
  return host == kUnix || host == "::1" || absl::StartsWith(host, "127.");
}

}  // namespace hawser
