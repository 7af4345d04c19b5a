// Asks a daemon's HTTP listener how it is.
#ifndef HAWSER_CLIENT_CONTROL_HTTP_HEALTH_CLIENT_H_
#define HAWSER_CLIENT_CONTROL_HTTP_HEALTH_CLIENT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace hawser {

struct HttpHealth {
  bool is_good = false;
  std::string text;  // what it says, a line
};

// address: http://HOST:PORT. path: /healthz or /readyz. UNAVAILABLE: nobody
// answers there in time. FAILED_PRECONDITION: whoever answers is no daemon of
// Hawser.
absl::StatusOr<HttpHealth> AskHttpHealth(const std::string& address,
                                         const std::string& path,
                                         absl::Duration timeout);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CONTROL_HTTP_HEALTH_CLIENT_H_
