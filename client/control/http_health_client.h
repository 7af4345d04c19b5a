// Asks a daemon's HTTP listener how it is.
#ifndef HAWSER_CLIENT_CONTROL_HTTP_HEALTH_CLIENT_H_
#define HAWSER_CLIENT_CONTROL_HTTP_HEALTH_CLIENT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/security/tls_files.h"

namespace hawser {

struct HttpHealth {
  bool is_good = false;
  std::string text;  // what it says, a line
};

// address: http://HOST:PORT or https://HOST:PORT. path: /healthz or /readyz.
// tls: with https, what is presented, and whose signature the daemon must show;
// without an authority the system's count. INVALID_ARGUMENT: the address.
// UNAVAILABLE: nobody answers there in time, or with another certificate.
// FAILED_PRECONDITION: whoever answers is no daemon of Hawser.
absl::StatusOr<HttpHealth> AskHttpHealth(const std::string& address,
                                         const std::string& path,
                                         absl::Duration timeout,
                                         const TlsFiles& tls);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CONTROL_HTTP_HEALTH_CLIENT_H_
