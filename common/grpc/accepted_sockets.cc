#include "common/grpc/accepted_sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/grpc/socket_buffers.h"
#include "glog/logging.h"

namespace hawser {
namespace {

constexpr char kUnix[] = "unix";

// The host's address alone: ports say nothing afterwards.
std::string HostOf(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr,
              text, sizeof(text));
  } else if (address.ss_family == AF_INET6) {
    const in6_addr& host =
        reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&host)) {
      inet_ntop(AF_INET, &host.s6_addr[12], text, sizeof(text));
      return text;
    }
    inet_ntop(AF_INET6, &host, text, sizeof(text));
  } else {
    return kUnix;
  }
  return text;
}

bool IsLocalPeer(const std::string& host) {
  return host == kUnix || host == "::1" || absl::StartsWith(host, "127.");
}

bool IsAbstract(int socket) {
  sockaddr_un name = {};
  socklen_t size = sizeof(name);
  return getsockname(socket, reinterpret_cast<sockaddr*>(&name), &size) == 0 &&
         name.sun_family == AF_UNIX && size > offsetof(sockaddr_un, sun_path) &&
         name.sun_path[0] == '\0';
}

bool OfThisUserOrRoot(int socket) {
  ucred peer = {};
  socklen_t size = sizeof(peer);
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == geteuid() || peer.uid == 0);
}

}  // namespace

AcceptedSockets::AcceptedSockets(int most_descriptors)
    : most_descriptors_(most_descriptors) {}

void AcceptedSockets::See(int socket) {
  sockaddr_storage peer = {};
  socklen_t size = sizeof(peer);
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) != 0) {
    return;  // the one that listens
  }
  const std::string host = HostOf(peer);
  Remember(host);
  if (IsLocalPeer(host)) LimitSocketBuffer(socket);
  if (socket >= most_descriptors_) {
    Cut(socket, absl::StrCat("there are as many connections as may be; raise "
                             "the limit on open files, or look for who has "
                             "them: lately ",
                             RecentPeers()));
  } else if (IsAbstract(socket) && !OfThisUserOrRoot(socket)) {
    Cut(socket, "another user of this host connects to an abstract socket");
  }
}

void AcceptedSockets::Cut(int socket, const std::string& why) {
  LOG_EVERY_N(WARNING, 1000) << "connection cut: " << why;
  shutdown(socket, SHUT_RDWR);
}

void AcceptedSockets::Remember(const std::string& peer) {
  absl::MutexLock lock(&mutex_);
  auto* const end = std::find(std::begin(recent_), std::end(recent_), peer);
  std::rotate(std::begin(recent_), end == std::end(recent_) ? end - 1 : end,
              end == std::end(recent_) ? end : end + 1);
  recent_[0] = peer;
}

std::string AcceptedSockets::RecentPeers() const {
  absl::MutexLock lock(&mutex_);
  const auto* const end = std::find(std::begin(recent_), std::end(recent_), "");
  return absl::StrJoin(std::begin(recent_), end, ",");
}

int MostConnectionDescriptors() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
      limit.rlim_cur > static_cast<rlim_t>(INT_MAX)) {
    return INT_MAX;
  }
  return static_cast<int>(limit.rlim_cur / 4 * 3);
}

}  // namespace hawser
