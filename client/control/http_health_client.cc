#include "client/control/http_health_client.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "httplib.h"

namespace hawser {

absl::StatusOr<HttpHealth> AskHttpHealth(const std::string& address,
                                         const std::string& path,
                                         absl::Duration timeout) {
  httplib::Client client(address);
  if (!client.is_valid()) {
    return absl::InvalidArgumentError(
        absl::StrCat(address, " is no http://HOST:PORT"));
  }
  const auto limit = absl::ToChronoMilliseconds(timeout);
  client.set_connection_timeout(limit);
  client.set_read_timeout(limit);
  const httplib::Result reply = client.Get(path);
  if (!reply) {
    return absl::UnavailableError(
        absl::StrCat("nobody answers at ", address, ": ",
                     httplib::to_string(reply.error())));
  }
  if (reply->status != 200 && reply->status != 503) {
    return absl::FailedPreconditionError(
        absl::StrCat(address, path, " answers with status ", reply->status,
                     "; is it a daemon's --http-listen?"));
  }
  return HttpHealth{
      reply->status == 200,
      std::string(absl::StripAsciiWhitespace(reply->body.substr(0, 1000)))};
}

}  // namespace hawser
