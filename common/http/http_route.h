// What a daemon answers over HTTP: requests, replies, and the routes that make
// one of the other.
//
//   HttpRoute{"/healthz", /*open=*/true, [](const HttpRequest&) {
//     return HttpReply{.body = "ok\n"};
//   }}
#ifndef HAWSER_COMMON_HTTP_HTTP_ROUTE_H_
#define HAWSER_COMMON_HTTP_HTTP_ROUTE_H_

#include <functional>
#include <map>
#include <string>

namespace hawser {

struct HttpRequest {
  std::string path;  // decoded, without the query
  std::string method;
  std::string authorization;  // the header's value; empty: none
  std::multimap<std::string, std::string> parameters;  // of the query, decoded

  // The first of that name; empty: there is none.
  std::string Parameter(const std::string& name) const {
    const auto found = parameters.find(name);
    return found == parameters.end() ? "" : found->second;
  }
};

struct HttpReply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  // If set, the body is what this appends to `more`, call by call, until it
  // returns false or the peer has gone. A call may wait for news, but not
  // longer than about half a second, so that the listener can stop; one that
  // appends nothing sends nothing.
  std::function<bool(std::string* more)> stream;
};

struct HttpRoute {
  std::string path;   // the whole of it
  bool open = false;  // needs no token, where others do
  // Called on many threads at once. It must not block for long.
  std::function<HttpReply(const HttpRequest&)> answer;
  // True: it changes something. Only POST with the header X-Hawser reaches it,
  // which no page of another site can send. False: GET and HEAD alone.
  bool changes = false;
  // Whoever may call this RPC may use the route (security/access_rules.h).
  std::string rpc = "/hawser.Scheduler/ListJobs";
};

}  // namespace hawser

#endif  // HAWSER_COMMON_HTTP_HTTP_ROUTE_H_
