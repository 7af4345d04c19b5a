#include "client/control/http_health_client.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "httplib.h"

namespace hawser {
namespace {

absl::Status Unanswered(const std::string& address, httplib::Error error) {
  if (error == httplib::Error::SSLServerVerification) {
    return absl::UnavailableError(absl::StrCat(
        address,
        " does not show a certificate for that name that is signed by the "
        "ca.crt of --tls-dir (without one, by an authority of the system)"));
  }
  return absl::UnavailableError(absl::StrCat("nobody answers at ", address,
                                             ": ", httplib::to_string(error)));
}

}  // namespace

absl::StatusOr<HttpHealth> AskHttpHealth(const std::string& address,
                                         const std::string& path,
                                         absl::Duration timeout,
                                         const TlsFiles& tls) {
  const absl::Status invalid = absl::InvalidArgumentError(absl::StrCat(
      address, " is neither http://HOST:PORT nor https://HOST:PORT"));
  // httplib throws at another scheme.
  if (!absl::StartsWith(address, "http://") &&
      !absl::StartsWith(address, "https://")) {
    return invalid;
  }
  httplib::Client client(address, tls.certificate, tls.key);
  if (!client.is_valid()) return invalid;
  if (!tls.authority.empty()) client.set_ca_cert_path(tls.authority.c_str());
  client.enable_server_certificate_verification(true);
  const auto limit = absl::ToChronoMilliseconds(timeout);
  client.set_connection_timeout(limit);
  client.set_read_timeout(limit);
  const httplib::Result reply = client.Get(path);
  if (!reply) return Unanswered(address, reply.error());
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
