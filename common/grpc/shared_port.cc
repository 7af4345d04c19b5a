#include "common/grpc/shared_port.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/files.h"
#include "common/poll_timeout.h"
#include "common/status_macros.h"
#include "glog/logging.h"

namespace hawser {
namespace {

constexpr int kBacklog = 1024;
constexpr size_t kMostNewcomers = 1024;

// The port in the same place for IPv4 and IPv6.
uint16_t* PortOf(sockaddr_storage* address) {
  return &reinterpret_cast<sockaddr_in6*>(address)->sin6_port;
}

FileDescriptor ListenAt(const addrinfo& found, int* port) {
  sockaddr_storage address = {};
  std::memcpy(&address, found.ai_addr, found.ai_addrlen);
  if (*port != 0) *PortOf(&address) = htons(static_cast<uint16_t>(*port));
  FileDescriptor socket(
      ::socket(found.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;
  socklen_t size = found.ai_addrlen;
  const bool listens =
      socket.valid() &&
      setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) ==
          0 &&
      // Connections have it from here.
      setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) ==
          0 &&
      bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 &&
      listen(socket.get(), kBacklog) == 0 &&
      getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) ==
          0;
  if (!listens) return {};
  *port = ntohs(*PortOf(&address));
  return socket;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SharedPort>> SharedPort::Listen(
    const std::string& address) {
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (absl::StartsWith(host, "[")) host = host.substr(1, host.size() - 2);
  const std::string service = address.substr(colon + 1);
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error =
          getaddrinfo(host.c_str(), service.c_str(), &hints, &found);
      error != 0) {
    return absl::UnavailableError(
        absl::StrCat(address, ": ", gai_strerror(error)));
  }
  const absl::Cleanup free = [found] { freeaddrinfo(found); };
  std::vector<FileDescriptor> listeners;
  int port = 0;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    FileDescriptor listener = ListenAt(*one, &port);
    if (listener.valid()) listeners.push_back(std::move(listener));
  }
  if (listeners.empty()) return SystemError("listen at", address);
  FileDescriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return SystemError("create", "an eventfd");
  return absl::WrapUnique(
      new SharedPort(std::move(listeners), std::move(wake), port));
}

SharedPort::SharedPort(std::vector<FileDescriptor> listeners,
                       FileDescriptor wake, int port)
    : listeners_(std::move(listeners)), wake_(std::move(wake)), port_(port) {}

SharedPort::~SharedPort() {
  if (!thread_.joinable()) return;
  eventfd_write(wake_.get(), 1);  // and stays readable
  thread_.join();
}

void SharedPort::Start(Options options) {
  options_ = std::move(options);
  thread_ = std::thread([this] { Run(); });
}

void SharedPort::Run() {
  std::vector<pollfd> waits;
  for (;;) {
    waits.assign(1, {wake_.get(), POLLIN, 0});
    for (const FileDescriptor& listener : listeners_) {
      waits.push_back({listener.get(), POLLIN, 0});
    }
    for (const Newcomer& newcomer : newcomers_) {
      waits.push_back({newcomer.socket.get(), POLLIN, 0});
    }
    poll(waits.data(), waits.size(),
         PollTimeout(newcomers_.empty() ? absl::InfiniteFuture()
                                        : newcomers_.front().limit));
    if (waits[0].revents != 0) return;
    const pollfd* wait = waits.data() + 1 + listeners_.size();
    std::erase_if(newcomers_, [&](Newcomer& newcomer) {
      return wait++->revents != 0 ? Decide(&newcomer)
                                  : newcomer.limit <= absl::Now();
    });
    for (size_t i = 0; i < listeners_.size(); ++i) {
      if (waits[1 + i].revents != 0) Accept(listeners_[i]);
    }
  }
}

void SharedPort::Accept(const FileDescriptor& listener) {
  FileDescriptor socket(
      accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket.valid()) {
    options_.see(socket.get());
    if (newcomers_.size() == kMostNewcomers) {
      newcomers_.erase(newcomers_.begin());
    }
    newcomers_.push_back({std::move(socket), absl::Now() + options_.patience});
  } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
    LOG_EVERY_N(ERROR, 100)
        << SystemError("accept at port", absl::StrCat(port_)).message()
        << "; raise the limit on open files";
    // Whoever waits at the door would wake this thread again at once.
    pollfd pause = {wake_.get(), POLLIN, 0};
    poll(&pause, 1, /*timeout_ms=*/100);
  }
}

bool SharedPort::Decide(Newcomer* newcomer) {
  Magic first = {};
  const ssize_t got = recv(newcomer->socket.get(), first.data(), first.size(),
                           MSG_PEEK | MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got <= 0) return true;
  // Whoever does not send the four bytes at once is not one of ours.
  if (first == options_.magic) {
    options_.take(std::move(newcomer->socket));
  } else {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters
        connection;
    connection.fd = newcomer->socket.Release();
    options_.grpc->HandleNewConnection(&connection);
  }
  return true;
}

}  // namespace hawser
