// httplib's server, with limits where it has none: on the connections in hand,
// and on the size and time of a request (connection_stream.h).
#ifndef HAWSER_COMMON_HTTP_LIMITED_SERVER_H_
#define HAWSER_COMMON_HTTP_LIMITED_SERVER_H_

#include <cstddef>
#include <memory>
#include <set>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/http/tls_context.h"
#include "httplib.h"

namespace hawser {

class LimitedServer : public httplib::Server {
 public:
  struct Limits {
    size_t answering = 1;      // connections with a thread of their own
    size_t waiting = 0;        // connections without
    size_t request_bytes = 0;  // of a request, in all
    absl::Duration request_time;
    absl::Duration idle_time;
  };

  // tls: null: connections are plain.
  LimitedServer(const Limits& limits, std::unique_ptr<TlsContext> tls);

  // Ends all connections; those under way are cut.
  void Stop();

 private:
  // A thread for each connection that is answered. Enqueue waits while too
  // many wait, so that no further ones are accepted.
  class Queue;

  bool process_and_close_socket(socket_t socket) override;
  void Serve(socket_t socket);
  bool IsWanted();  // somebody waits for a thread, or all is to end

  const Limits limits_;
  const std::unique_ptr<TlsContext> tls_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  size_t in_hand_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<socket_t> open_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hawser

#endif  // HAWSER_COMMON_HTTP_LIMITED_SERVER_H_
