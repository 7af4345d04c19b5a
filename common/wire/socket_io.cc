#include "common/wire/socket_io.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace hawser {
namespace {

bool WouldBlock() { return errno == EAGAIN || errno == EWOULDBLOCK; }

absl::Status Gone() {
  return absl::UnavailableError("the peer has closed the stream");
}

}  // namespace

absl::StatusOr<bool> SendRest(const FileDescriptor& socket,
                              absl::Span<const char> head,
                              absl::Span<const char> payload, int descriptor,
                              size_t* sent) {
  while (*sent < head.size() + payload.size()) {
    iovec parts[2];
    size_t count = 0;
    if (*sent < head.size()) {
      parts[count++] = {const_cast<char*>(head.data()) + *sent,
                        head.size() - *sent};
    }
    const size_t skipped = std::max(*sent, head.size()) - head.size();
    if (skipped < payload.size()) {
      parts[count++] = {const_cast<char*>(payload.data()) + skipped,
                        payload.size() - skipped};
    }
    msghdr message = {};
    message.msg_iov = parts;
    message.msg_iovlen = count;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    if (descriptor >= 0 && *sent == 0) {
      message.msg_control = control;
      message.msg_controllen = sizeof(control);
      cmsghdr* rights = CMSG_FIRSTHDR(&message);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(rights), &descriptor, sizeof(int));
    }
    const ssize_t now =
        sendmsg(socket.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (now < 0) {
      if (errno == EINTR) continue;
      if (WouldBlock()) return false;
      return Gone();
    }
    *sent += static_cast<size_t>(now);
  }
  return true;
}

absl::StatusOr<size_t> ReceiveSome(const FileDescriptor& socket,
                                   msghdr* message) {
  ssize_t got;
  do {
    got = recvmsg(socket.get(), message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && WouldBlock()) return size_t{0};
  if (got <= 0) return Gone();
  return static_cast<size_t>(got);
}

}  // namespace hawser
