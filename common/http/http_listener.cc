#include "common/http/http_listener.h"

#include <atomic>
#include <map>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/http/limited_server.h"
#include "common/http/request_rules.h"
#include "common/listen_address.h"
#include "common/status_macros.h"
#include "common/threads.h"

namespace hawser {
namespace {

LimitedServer::Limits LimitsOf(const HttpListener::Options& options) {
  return {.answering = HttpListener::kMaxAnswering,
          .waiting = HttpListener::kMaxWaiting,
          .request_bytes = HttpListener::kMaxRequestBytes,
          .request_time = options.request_time,
          .idle_time = options.idle_time};
}

std::vector<std::string> HostsOf(const httplib::Request& request) {
  std::vector<std::string> hosts;
  const auto [begin, end] = request.headers.equal_range("Host");
  for (auto it = begin; it != end; ++it) hosts.push_back(it->second);
  return hosts;
}

std::string PeerOf(const httplib::Request& request) {
  return absl::StrCat(request.remote_addr, ":", request.remote_port);
}

void Answer(const Refusal& refusal, httplib::Response* response) {
  response->status = refusal.status;
  response->set_content(refusal.message, "text/plain; charset=utf-8");
}

void Answer(const absl::Status& refused, httplib::Response* response) {
  const bool is_unknown = absl::IsUnauthenticated(refused);
  if (is_unknown) response->set_header("WWW-Authenticate", "Bearer");
  Answer(Refusal{is_unknown ? 401 : 403, absl::StrCat(refused.message(), "\n")},
         response);
}

}  // namespace

class HttpListener::Impl {
 public:
  Impl(const Options& options, std::unique_ptr<TlsContext> tls,
       std::vector<HttpRoute> routes)
      : server_(LimitsOf(options), std::move(tls)),
        guard_(options.guard),
        access_log_(options.access_log) {
    for (HttpRoute& route : routes) {
      const std::string path = route.path;
      routes_.emplace(path, std::move(route));
    }
    httplib::Headers headers;
    for (const auto& [name, value] : SecurityHeaders()) {
      headers.emplace(name, value);
    }
    server_.set_default_headers(std::move(headers));
    // Before httplib routes, which it does by regular expressions.
    server_.set_pre_routing_handler(
        [this](const httplib::Request& request, httplib::Response& response) {
          Reply(request, &response);
          return httplib::Server::HandlerResponse::Handled;
        });
  }

  absl::Status Start(const std::string& listen) {
    const size_t colon = listen.rfind(':');
    host_ = listen.substr(0, colon);
    if (absl::StartsWith(host_, "[")) host_ = host_.substr(1, host_.size() - 2);
    int port = 0;
    if (!absl::SimpleAtoi(listen.substr(colon + 1), &port)) {
      return absl::InvalidArgumentError(
          absl::StrCat("no port in \"", listen, "\"; write HOST:PORT"));
    }
    if (port == 0) {
      port = server_.bind_to_any_port(host_);
    } else if (!server_.bind_to_port(host_, port)) {
      port = -1;
    }
    if (port < 0) {
      return absl::UnavailableError(absl::StrCat(
          "cannot listen on ", listen,
          ": is the port taken, or the address not this machine's? Choose "
          "another with --http-listen"));
    }
    address_ = WithPort(listen, port);
    thread_ = RealThreads()->Start([this] {
      server_.listen_after_bind();
      ended_ = true;
    });
    return absl::OkStatus();
  }

  ~Impl() {
    if (thread_ == nullptr) return;
    // It may not listen yet, and then would not notice.
    while (!server_.is_running() && !ended_) {
      RealThreads()->Sleep(absl::Milliseconds(1));
    }
    server_.Stop();
    thread_->Join();
  }

  const std::string& address() const { return address_; }

 private:
  void Reply(const httplib::Request& request, httplib::Response* response) {
    if (const auto refusal = CheckHost(HostsOf(request), host_)) {
      return Answer(*refusal, response);
    }
    const auto found = routes_.find(request.path);
    const HttpRoute* route = found == routes_.end() ? nullptr : &found->second;
    if (const auto refusal = CheckMethod(
            request.method, request.has_header(kChangeHeader), route)) {
      return Answer(*refusal, response);
    }
    const std::string authorization = request.get_header_value("Authorization");
    if (!route->open && guard_ != nullptr) {
      const absl::Status admitted = guard_->Check(
          route->rpc, authorization, [&] { return PeerOf(request); });
      if (!admitted.ok()) return Answer(admitted, response);
    }
    HttpReply reply = route->answer({.path = request.path,
                                     .method = request.method,
                                     .authorization = authorization,
                                     .parameters = request.params});
    if (route->changes) Record(request, authorization, reply);
    response->status = reply.status;
    if (reply.stream && request.method != "HEAD") {
      return Stream(std::move(reply), response);
    }
    response->set_content(reply.body, reply.content_type);
  }

  void Record(const httplib::Request& request, const std::string& authorization,
              const HttpReply& reply) {
    if (access_log_ == nullptr) return;
    AccessEntry entry;
    if (guard_ != nullptr) {
      const Identity caller = guard_->CallerOf(authorization);
      entry.who = caller.name;
      entry.role = std::string(RoleName(caller.role));
    }
    entry.peer = PeerOf(request);
    entry.method = absl::StrCat(request.method, " ", request.path);
    entry.job = request.get_param_value("job");
    if (reply.status >= 400) entry.result = absl::UnknownError(reply.body);
    access_log_->Record(entry);
  }

  void Stream(HttpReply reply, httplib::Response* response) {
    {
      absl::MutexLock lock(&mutex_);
      if (streams_ >= kMaxStreams) {
        return Answer({503, absl::StrCat("at most ", kMaxStreams,
                                         " live views at once; close one\n")},
                      response);
      }
      ++streams_;
    }
    response->set_chunked_content_provider(
        reply.content_type,
        [stream = std::move(reply.stream)](size_t, httplib::DataSink& sink) {
          std::string more;
          const bool goes_on = stream(&more);
          if (!more.empty() && !sink.write(more.data(), more.size())) {
            return false;
          }
          if (!goes_on) sink.done();
          return sink.is_writable();
        },
        [this](bool) {
          absl::MutexLock lock(&mutex_);
          --streams_;
        });
  }

  LimitedServer server_;
  const AccessGuard* const guard_;
  AccessLog* const access_log_;
  std::map<std::string, HttpRoute> routes_;
  std::string host_;
  std::string address_;
  std::atomic<bool> ended_ = false;
  std::unique_ptr<Threads::Thread> thread_;
  absl::Mutex mutex_;
  size_t streams_ ABSL_GUARDED_BY(mutex_) = 0;
};

absl::StatusOr<std::unique_ptr<HttpListener>> HttpListener::Start(
    const Options& options, std::vector<HttpRoute> routes) {
  const bool is_protected = options.tls.has_value() && options.guard != nullptr;
  RETURN_IF_ERROR(CheckListenAddress(
      options.address, options.allow_insecure_network || is_protected));
  if (absl::StartsWith(options.address, "unix:")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cannot serve HTTP on \"", options.address, "\"; write HOST:PORT"));
  }
  std::unique_ptr<TlsContext> tls;
  if (options.tls.has_value()) {
    ASSIGN_OR_RETURN(
        tls, TlsContext::Create(options.tls->certificate, options.tls->key));
  }
  auto impl =
      std::make_unique<Impl>(options, std::move(tls), std::move(routes));
  RETURN_IF_ERROR(impl->Start(options.address));
  return absl::WrapUnique(new HttpListener(std::move(impl)));
}

HttpListener::HttpListener(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}

HttpListener::~HttpListener() = default;

const std::string& HttpListener::address() const { return impl_->address(); }

}  // namespace hawser
