#include "common/http/connection_stream.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "absl/time/clock.h"
#include "openssl/err.h"

namespace hawser {
namespace {

constexpr absl::Duration kLook = absl::Milliseconds(100);

using NameOf = int (*)(int, sockaddr*, socklen_t*);

void Address(int socket, NameOf name_of, std::string* ip, int* port) {
  sockaddr_storage address = {};
  socklen_t length = sizeof(address);
  std::array<char, NI_MAXHOST> host = {};
  std::array<char, NI_MAXSERV> service = {};
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (name_of(socket, generic, &length) != 0 ||
      getnameinfo(generic, length, host.data(), host.size(), service.data(),
                  service.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return;
  }
  *ip = host.data();
  *port = std::atoi(service.data());
}

}  // namespace

ConnectionStream::ConnectionStream(int socket, SSL* tls)
    : socket_(socket), tls_(tls) {
  fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK);
}

bool ConnectionStream::Await(short events, absl::Time deadline) const {
  for (;;) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    pollfd watched = {socket_, events, 0};
    const int ready =
        poll(&watched, 1,
             static_cast<int>(absl::ToInt64Milliseconds(std::min(
                 absl::Ceil(left, absl::Milliseconds(1)), absl::Seconds(60)))));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

bool ConnectionStream::AwaitTls(int result, absl::Time deadline) {
  const int error = SSL_get_error(tls_, result);
  ERR_clear_error();
  if (error == SSL_ERROR_WANT_READ) return Await(POLLIN, deadline);
  return error == SSL_ERROR_WANT_WRITE && Await(POLLOUT, deadline);
}

bool ConnectionStream::ShakeHands(absl::Duration time) {
  if (tls_ == nullptr) return true;
  const absl::Time deadline = absl::Now() + time;
  for (;;) {
    ERR_clear_error();
    const int result = SSL_accept(tls_);
    if (result == 1) return true;
    if (!AwaitTls(result, deadline)) return false;
  }
}

ssize_t ConnectionStream::Receive(char* to, size_t size, absl::Time deadline) {
  for (;;) {
    if (tls_ != nullptr) {
      const int count = SSL_read(tls_, to, static_cast<int>(size));
      if (count > 0) return count;
      if (!AwaitTls(count, deadline)) return -1;
      continue;
    }
    const ssize_t count = recv(socket_, to, size, 0);
    if (count >= 0) return count;
    if (errno == EINTR) continue;
    if (errno != EAGAIN || !Await(POLLIN, deadline)) return -1;
  }
}

ssize_t ConnectionStream::Send(const char* from, size_t size,
                               absl::Time deadline) {
  for (;;) {
    if (tls_ != nullptr) {
      const int count = SSL_write(tls_, from, static_cast<int>(size));
      if (count > 0) return count;
      if (!AwaitTls(count, deadline)) return -1;
      continue;
    }
    const ssize_t count = send(socket_, from, size, MSG_NOSIGNAL);
    if (count >= 0) return count;
    if (errno == EINTR) continue;
    if (errno != EAGAIN || !Await(POLLOUT, deadline)) return -1;
  }
}

bool ConnectionStream::AwaitRequest(absl::Duration most,
                                    const std::function<bool()>& gives_up) {
  if (begin_ < end_ || (tls_ != nullptr && SSL_pending(tls_) > 0)) return true;
  const absl::Time deadline = absl::Now() + most;
  while (!gives_up()) {
    const absl::Time look = std::min(deadline, absl::Now() + kLook);
    if (Await(POLLIN, look)) return true;
    if (look == deadline) return false;
  }
  return false;
}

void ConnectionStream::LimitRequest(size_t bytes, absl::Duration time) {
  bytes_left_ = bytes;
  deadline_ = absl::Now() + time;
}

bool ConnectionStream::Fill() {
  const ssize_t count = Receive(buffer_.data(), buffer_.size(), deadline_);
  if (count <= 0) return false;
  begin_ = 0;
  end_ = static_cast<size_t>(count);
  return true;
}

ssize_t ConnectionStream::read(char* to, size_t size) {
  if (bytes_left_ == 0 || absl::Now() > deadline_ ||
      (begin_ == end_ && !Fill())) {
    was_cut_ = true;
    return -1;
  }
  const size_t count = std::min({size, end_ - begin_, bytes_left_});
  std::copy_n(buffer_.data() + begin_, count, to);
  begin_ += count;
  bytes_left_ -= count;
  return static_cast<ssize_t>(count);
}

ssize_t ConnectionStream::write(const char* from, size_t size) {
  // SSL_write takes an int.
  const size_t most = size_t{1} << 20;
  return Send(from, std::min(size, most), absl::Now() + write_limit_);
}

bool ConnectionStream::is_writable() const {
  pollfd watched = {socket_, POLLRDHUP, 0};
  return poll(&watched, 1, 0) == 0;
}

void ConnectionStream::get_remote_ip_and_port(std::string& ip,
                                              int& port) const {
  Address(socket_, getpeername, &ip, &port);
}

void ConnectionStream::get_local_ip_and_port(std::string& ip, int& port) const {
  Address(socket_, getsockname, &ip, &port);
}

}  // namespace hawser
