#include "common/grpc/connect.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/grpc/socket_buffers.h"
#include "common/grpc/target.h"
#include "common/poll_timeout.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

bool HasConnected(const FileDescriptor& socket) {
  int error = 0;
  socklen_t size = sizeof(error);
  return getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
         error == 0;
}

// Invalid: it does not answer.
absl::StatusOr<FileDescriptor> ConnectTo(const addrinfo& address,
                                         const FileDescriptor& wake,
                                         absl::Time limit) {
  FileDescriptor socket(::socket(
      address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return FileDescriptor();
  if (connect(socket.get(), address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return FileDescriptor();
    RETURN_IF_ERROR(AwaitSocket(socket, POLLOUT, wake, limit));
    if (!HasConnected(socket)) return FileDescriptor();
  }
  return socket;
}

}  // namespace

absl::StatusOr<FileDescriptor> Connect(const std::string& target,
                                       const FileDescriptor& wake,
                                       absl::Time limit) {
  const std::string host = HostOfTarget(target);
  const std::string port = target.substr(target.rfind(':') + 1);
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
      error != 0) {
    return absl::UnavailableError(
        absl::StrCat(target, ": ", gai_strerror(error)));
  }
  const absl::Cleanup free = [found] { freeaddrinfo(found); };
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    ASSIGN_OR_RETURN(FileDescriptor socket, ConnectTo(*one, wake, limit));
    if (!socket.valid()) continue;
    const int yes = 1;
    setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (IsOfThisHost(target)) LimitSocketBuffer(socket.get());
    return socket;
  }
  return absl::UnavailableError(
      absl::StrCat("nobody takes connections at ", target));
}

absl::Status AwaitSocket(const FileDescriptor& socket, int16_t event,
                         const FileDescriptor& wake, absl::Time limit) {
  pollfd waits[2] = {{socket.get(), event, 0}, {wake.get(), POLLIN, 0}};
  const int timeout_ms = PollTimeout(limit);
  if (timeout_ms == 0) return absl::UnavailableError("no answer in time");
  poll(waits, 2, timeout_ms);
  return waits[1].revents == 0 ? absl::OkStatus()
                               : absl::CancelledError("cancelled");
}

}  // namespace hawser
