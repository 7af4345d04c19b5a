#include "common/http/request_rules.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/listen_address.h"

namespace hawser {
namespace {

// "[::1]:80", "localhost:80", "127.0.0.1": the host, in lower case.
std::string HostOf(absl::string_view value) {
  if (absl::StartsWith(value, "[")) {
    const size_t end = value.find(']');
    if (end == absl::string_view::npos) return "";
    return absl::AsciiStrToLower(value.substr(1, end - 1));
  }
  return absl::AsciiStrToLower(value.substr(0, value.find(':')));
}

}  // namespace

std::optional<Refusal> CheckHost(const std::vector<std::string>& hosts,
                                 const std::string& listen_host) {
  if (!IsLoopbackHost(listen_host)) return std::nullopt;
  if (hosts.size() != 1) {
    return Refusal{400, "a request needs one Host header\n"};
  }
  const std::string host = HostOf(hosts.front());
  if (IsLoopbackHost(host) || host == absl::AsciiStrToLower(listen_host)) {
    return std::nullopt;
  }
  return Refusal{
      421, absl::StrCat("this address answers to localhost, not to the name "
                        "in the Host header; open http://localhost with the "
                        "same port\n")};
}

std::optional<Refusal> CheckMethod(const std::string& method,
                                   bool has_change_header,
                                   const HttpRoute* route) {
  if (route == nullptr) return Refusal{404, "there is nothing here\n"};
  if (!route->changes) {
    if (method == "GET" || method == "HEAD") return std::nullopt;
    return Refusal{405, "this can only be read (GET)\n"};
  }
  if (method != "POST") return Refusal{405, "this needs POST\n"};
  if (has_change_header) return std::nullopt;
  return Refusal{403, absl::StrCat("this needs the header ", kChangeHeader,
                                   ", so that no other site can send it\n")};
}

const std::vector<std::pair<std::string, std::string>>& SecurityHeaders() {
  static const auto* const headers =
      new std::vector<std::pair<std::string, std::string>>{
          {"Content-Security-Policy",
           "default-src 'none'; script-src 'self'; style-src 'self'; "
           "img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
           "form-action 'none'; frame-ancestors 'none'"},
          {"X-Content-Type-Options", "nosniff"},
          {"X-Frame-Options", "DENY"},
          {"Referrer-Policy", "no-referrer"},
          {"Cross-Origin-Resource-Policy", "same-origin"},
          {"Cross-Origin-Opener-Policy", "same-origin"},
          {"Cache-Control", "no-store"},
      };
  return *headers;
}

}  // namespace hawser
