#include "tests/bench/data_plane_bench_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>

#include "common/vector_ops.h"
#include "glog/logging.h"

namespace hawser {
namespace {

constexpr size_t kPiece = size_t{1} << 20;
constexpr size_t kMemory = size_t{64} << 20;

struct Request {
  uint64_t push = 0;
  uint64_t bytes = 0;
};

bool Read(int socket, void* to, size_t bytes) {
  auto* next = static_cast<char*>(to);
  while (bytes != 0) {
    const ssize_t now = read(socket, next, bytes);
    if (now <= 0) return false;
    next += now;
    bytes -= static_cast<size_t>(now);
  }
  return true;
}

bool Write(int socket, const void* from, size_t bytes) {
  auto* next = static_cast<const char*>(from);
  while (bytes != 0) {
    const ssize_t now = write(socket, next, bytes);
    if (now <= 0) return false;
    next += now;
    bytes -= static_cast<size_t>(now);
  }
  return true;
}

// The peer's side of one stream.
void Answer(int socket) {
  std::vector<float> sum(kMemory / sizeof(float), 0);
  std::vector<float> piece(kPiece / sizeof(float));
  for (Request request; Read(socket, &request, sizeof(request));) {
    for (size_t done = 0; done < request.bytes;) {
      const size_t now =
          std::min({kPiece, request.bytes - done, kMemory - done % kMemory});
      if (request.push == 0) {
        if (!Write(socket, piece.data(), now)) return;
      } else {
        if (!Read(socket, piece.data(), now)) return;
        AddInto(sum.data() + done % kMemory / sizeof(float), piece.data(),
                static_cast<int64_t>(now / sizeof(float)));
      }
      done += now;
    }
    if (request.push != 0 && !Write(socket, "", 1)) return;
  }
}

void SetOptions(int socket, int send_buffer) {
  const int on = 1;
  PCHECK(setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
  if (send_buffer == 0) return;
  PCHECK(setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &send_buffer,
                    sizeof(send_buffer)) == 0);
}

[[noreturn]] void RunPeer(int listener, int streams, int send_buffer) {
  std::vector<std::thread> threads;
  for (int i = 0; i < streams; ++i) {
    const int socket = accept(listener, nullptr, nullptr);
    PCHECK(socket >= 0);
    SetOptions(socket, send_buffer);
    threads.emplace_back([socket] { Answer(socket); });
  }
  close(listener);
  for (std::thread& thread : threads) thread.join();
  _exit(0);
}

pid_t Fork(int streams, int send_buffer, std::vector<int>* sockets) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  PCHECK(bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
  PCHECK(listen(listener, streams) == 0);
  PCHECK(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) ==
         0);
  const pid_t peer = fork();
  PCHECK(peer >= 0);
  if (peer == 0) RunPeer(listener, streams, send_buffer);
  close(listener);
  for (int i = 0; i < streams; ++i) {
    sockets->push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    PCHECK(connect(sockets->back(), reinterpret_cast<sockaddr*>(&address),
                   size) == 0);
    SetOptions(sockets->back(), send_buffer);
  }
  return peer;
}

}  // namespace

SocketPair::SocketPair(int streams, int send_buffer)
    : peer_(Fork(streams, send_buffer, &sockets_)), processor_(peer_) {
  for (int i = 0; i < streams; ++i) {
    pieces_.emplace_back(kPiece / sizeof(float), 1e-3f);
  }
}

SocketPair::~SocketPair() {
  for (const int socket : sockets_) close(socket);
  waitpid(peer_, nullptr, 0);
}

void SocketPair::Push(size_t bytes, int stream) {
  const int socket = sockets_[static_cast<size_t>(stream)];
  const Request request = {1, bytes};
  CHECK(Write(socket, &request, sizeof(request)));
  float* piece = pieces_[static_cast<size_t>(stream)].data();
  for (size_t done = 0; done < bytes; done += kPiece) {
    CHECK(Write(socket, piece, std::min(kPiece, bytes - done)));
  }
  char answer = 0;
  CHECK(Read(socket, &answer, 1));
}

void SocketPair::Pull(size_t bytes, int stream) {
  const int socket = sockets_[static_cast<size_t>(stream)];
  const Request request = {0, bytes};
  CHECK(Write(socket, &request, sizeof(request)));
  float* piece = pieces_[static_cast<size_t>(stream)].data();
  for (size_t done = 0; done < bytes; done += kPiece) {
    CHECK(Read(socket, piece, std::min(kPiece, bytes - done)));
  }
}

Work SocketPair::PushContinuously(double seconds, int streams) {
  return Continuously(seconds, streams, true);
}

Work SocketPair::PullContinuously(double seconds, int streams) {
  return Continuously(seconds, streams, false);
}

Work SocketPair::Continuously(double seconds, int streams, bool push) {
  const double cpu_before = processor_.Seconds();
  const double before = MonotonicSeconds();
  std::atomic<int> operations{0};
  const auto run = [&](int stream) {
    while (MonotonicSeconds() - before < seconds) {
      push ? Push(kMemory, stream) : Pull(kMemory, stream);
      ++operations;
    }
  };
  std::vector<std::thread> others;
  for (int stream = 1; stream < streams; ++stream) {
    others.emplace_back(run, stream);
  }
  run(0);
  for (std::thread& thread : others) thread.join();
  return {MonotonicSeconds() - before, processor_.Seconds() - cpu_before,
          static_cast<double>(operations) * kMemory, operations};
}

}  // namespace hawser
