#include "common/grpc/accepted_sockets.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/grpc/peer_host.h"
#include "common/grpc/socket_buffers.h"
#include "glog/logging.h"

namespace hawser {
namespace {

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
  const std::string host = PeerHost(socket);
  if (host.empty()) return;  // the one that listens
  Remember(host);
  if (IsHostOfThisMachine(host)) LimitSocketBuffer(socket);
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
