// Which requests are refused before a route is asked.
//
// A browser runs pages of strangers, which can send requests to any address,
// loopback included. What keeps them out:
// - a name of theirs that leads here (DNS rebinding): on loopback the Host must
//   be a name of loopback, or the one that is listened at;
// - a form or script of theirs: whatever changes something needs the header
//   X-Hawser, which a page may send to its own site alone, since no answer of
//   this listener lets another site do more (CORS);
// - a frame of theirs around the page: see SecurityHeaders.
//
// Pure functions.
#ifndef HAWSER_COMMON_HTTP_REQUEST_RULES_H_
#define HAWSER_COMMON_HTTP_REQUEST_RULES_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/http/http_route.h"

namespace hawser {

// The header that a request must have to change anything; any value.
inline constexpr char kChangeHeader[] = "X-Hawser";

struct Refusal {
  int status = 400;
  std::string message;  // for people, with what to do
};

// hosts: the values of the Host header. listen_host: the host that is listened
// at, without a port. Nothing: it may pass.
std::optional<Refusal> CheckHost(const std::vector<std::string>& hosts,
                                 const std::string& listen_host);

// route: the one of the request's path; null: there is none.
std::optional<Refusal> CheckMethod(const std::string& method,
                                   bool has_change_header,
                                   const HttpRoute* route);

// Of every reply.
const std::vector<std::pair<std::string, std::string>>& SecurityHeaders();

}  // namespace hawser

#endif  // HAWSER_COMMON_HTTP_REQUEST_RULES_H_
