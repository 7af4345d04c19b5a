#include "common/http/limited_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "common/http/connection_stream.h"

namespace hawser {
namespace {

void ReuseAddress(socket_t socket) {
  // Not the port: one that another process has is an error, not shared.
  const int yes = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
}

bool HasBody(const httplib::Request& request) {
  return request.has_header("Transfer-Encoding") ||
         request.get_header_value<uint64_t>("Content-Length") != 0;
}

}  // namespace

class LimitedServer::Queue : public httplib::TaskQueue {
 public:
  explicit Queue(LimitedServer* server)
      : server_(server), pool_(server->limits_.answering) {}

  void enqueue(std::function<void()> task) override {
    const size_t most = server_->limits_.answering + server_->limits_.waiting;
    {
      const auto has_room = [this, most]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
        return server_->in_hand_ < most;
      };
      absl::MutexLock lock(&server_->mutex_);
      server_->mutex_.Await(absl::Condition(&has_room));
      ++server_->in_hand_;
    }
    pool_.enqueue([this, task = std::move(task)] {
      task();
      absl::MutexLock lock(&server_->mutex_);
      --server_->in_hand_;
    });
  }

  void shutdown() override { pool_.shutdown(); }

 private:
  LimitedServer* const server_;
  httplib::ThreadPool pool_;
};

LimitedServer::LimitedServer(const Limits& limits,
                             std::unique_ptr<TlsContext> tls)
    : limits_(limits), tls_(std::move(tls)) {
  new_task_queue = [this] { return new Queue(this); };
  set_socket_options(ReuseAddress);
  set_tcp_nodelay(true);
}

void LimitedServer::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    for (const socket_t socket : open_) ::shutdown(socket, SHUT_RDWR);
  }
  stop();
}

bool LimitedServer::IsWanted() {
  absl::MutexLock lock(&mutex_);
  return stopping_ || in_hand_ > limits_.answering;
}

bool LimitedServer::process_and_close_socket(socket_t socket) {
  bool serves = false;
  {
    absl::MutexLock lock(&mutex_);
    serves = !stopping_;
    if (serves) open_.insert(socket);
  }
  if (serves) Serve(socket);
  {
    absl::MutexLock lock(&mutex_);
    open_.erase(socket);
  }
  ::shutdown(socket, SHUT_RDWR);
  ::close(socket);
  return true;
}

void LimitedServer::Serve(socket_t socket) {
  TlsContext::Session session;
  if (tls_ != nullptr) {
    session = tls_->NewSession(socket);
    if (session == nullptr) return;
  }
  ConnectionStream stream(socket, session.get());
  stream.LimitWrites(limits_.request_time);
  if (!stream.ShakeHands(limits_.request_time)) return;
  // The first request of a connection is waited for by the time limit alone.
  bool is_first = true;
  const auto gives_up = [&] { return !is_first && IsWanted(); };
  while (stream.AwaitRequest(
      is_first ? limits_.request_time : limits_.idle_time, gives_up)) {
    is_first = false;
    stream.LimitRequest(limits_.request_bytes, limits_.request_time);
    bool closes = false;
    const auto set_up = [&](httplib::Request& request) {
      // Nobody reads a body, so it would be taken for the next request.
      if (HasBody(request)) {
        closes = true;
        request.headers.erase("Connection");
        request.headers.emplace("Connection", "close");
      }
      request.ranges.clear();
      // Compressing costs more than it saves on the way to a browser.
      request.headers.erase("Accept-Encoding");
    };
    if (!process_request(stream, /*close_connection=*/false, closes, set_up) ||
        closes || stream.was_cut()) {
      break;
    }
  }
}

}  // namespace hawser
