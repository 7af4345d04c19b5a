// A daemon's HTTP server: one address, some routes. For people and their
// tools; what members do goes over gRPC.
//
//   ASSIGN_OR_RETURN(const auto listener,
//                    HttpListener::Start({"127.0.0.1:0"}, {route, ...}));
//   LOG(INFO) << "http://" << listener->address();
//
// Strangers find limits: on connections and their requests' size and time
// (below), on streams that are watched at once, and the rules of
// request_rules.h. Requests have no body.
//
// Thread-safe.
#ifndef HAWSER_COMMON_HTTP_HTTP_LISTENER_H_
#define HAWSER_COMMON_HTTP_HTTP_LISTENER_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/http/http_route.h"
#include "common/security/access_guard.h"
#include "common/security/access_log.h"
#include "common/security/tls_files.h"

namespace hawser {

class HttpListener {
 public:
  // Requests that are answered at once, streams included.
  static constexpr size_t kMaxAnswering = 40;
  // Streams at once; another is answered 503.
  static constexpr size_t kMaxStreams = 24;
  // Connections that wait for their turn; others wait in the kernel.
  static constexpr size_t kMaxWaiting = 64;
  // Of a request's line and headers.
  static constexpr size_t kMaxRequestBytes = 32 << 10;

  struct Options {
    std::string address;  // HOST:PORT, port 0 for any
    // Beyond loopback also without TLS and a guard; with both, it may anyway.
    bool allow_insecure_network = false;
    // Nothing: plain HTTP. The files are read at each handshake.
    std::optional<TlsFiles> tls;
    // Null: everybody may use everything. Both outlive the listener.
    const AccessGuard* guard = nullptr;
    AccessLog* access_log = nullptr;  // what was changed, by whom; may be null
    // Until a request is complete, and between two of a connection.
    absl::Duration request_time = absl::Seconds(5);
    absl::Duration idle_time = absl::Seconds(5);
  };

  // INVALID_ARGUMENT: the address, or the certificate. PERMISSION_DENIED: the
  // address. UNAVAILABLE: it is taken, or not of this machine.
  static absl::StatusOr<std::unique_ptr<HttpListener>> Start(
      const Options& options, std::vector<HttpRoute> routes);
  // Stops, and waits for those that are being answered.
  ~HttpListener();

  // HOST:PORT, with the port that was bound.
  const std::string& address() const;

 private:
  class Impl;

  explicit HttpListener(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_HTTP_HTTP_LISTENER_H_
