#include "common/http/http_listener.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/clock.h"
#include "common/file_descriptor.h"
#include "common/files.h"
#include "common/http/request_rules.h"
#include "common/security/token_table.h"
#include "common/sha256.h"
#include "gtest/gtest.h"
#include "httplib.h"

namespace hawser {
namespace {

HttpRoute Fixed(const std::string& path, const std::string& body) {
  return {path, false,
          [body](const HttpRequest&) { return HttpReply{.body = body}; }};
}

std::unique_ptr<HttpListener> Listen(std::vector<HttpRoute> routes,
                                     HttpListener::Options options = {
                                         "127.0.0.1:0"}) {
  auto listener = HttpListener::Start(options, std::move(routes));
  EXPECT_TRUE(listener.ok()) << listener.status();
  return *std::move(listener);
}

int PortOf(const HttpListener& listener) {
  int port = 0;
  const std::string& address = listener.address();
  EXPECT_TRUE(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
  return port;
}

httplib::Client ClientOf(const HttpListener& listener) {
  return httplib::Client("127.0.0.1", PortOf(listener));
}

FileDescriptor Connect(const HttpListener& listener) {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(PortOf(listener)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(socket.get(), reinterpret_cast<sockaddr*>(&address),
                    sizeof(address)),
            0);
  return socket;
}

void Send(const FileDescriptor& socket, const std::string& text) {
  size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t count = send(socket.get(), text.data() + sent,
                               text.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;  // the listener has had enough
    sent += static_cast<size_t>(count);
  }
}

std::string ReadToTheEnd(const FileDescriptor& socket) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t count = recv(socket.get(), buffer, sizeof(buffer), 0);
    if (count <= 0) return text;
    text.append(buffer, static_cast<size_t>(count));
  }
}

TEST(HttpListener, AnswersByPathWithTheSecurityHeaders) {
  const auto listener = Listen(
      {Fixed("/a", "first"),
       {"/echo", false, [](const HttpRequest& request) {
          return HttpReply{.status = 203,
                           .content_type = "text/x",
                           .body = absl::StrCat(request.method, " ",
                                                request.Parameter("name"), " ",
                                                request.Parameter("none"), "|",
                                                request.authorization)};
        }}});
  auto client = ClientOf(*listener);
  const auto first = client.Get("/a");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->status, 200);
  EXPECT_EQ(first->body, "first");
  for (const auto& [name, value] : SecurityHeaders()) {
    EXPECT_EQ(first->get_header_value(name), value);
  }
  const auto echo = client.Get("/echo?name=a%20job&x=1",
                               {{"Authorization", "Bearer secret"}});
  ASSERT_TRUE(echo);
  EXPECT_EQ(echo->status, 203);
  EXPECT_EQ(echo->get_header_value("Content-Type"), "text/x");
  EXPECT_EQ(echo->body, "GET a job |Bearer secret");
  EXPECT_EQ(client.Get("/b")->status, 404);
  const auto head = client.Head("/a");
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->body, "");
}

TEST(HttpListener, RefusesForeignHostsAndForeignPages) {
  std::atomic<int> cancels = 0;
  HttpRoute cancel{"/cancel", false, [&](const HttpRequest&) {
                     ++cancels;
                     return HttpReply();
                   }};
  cancel.changes = true;
  const auto listener = Listen({Fixed("/a", "first"), cancel});
  auto client = ClientOf(*listener);
  EXPECT_EQ(client.Get("/a", {{"Host", "evil.example"}})->status, 421);
  EXPECT_EQ(client.Get("/cancel")->status, 405);
  EXPECT_EQ(client.Post("/cancel")->status, 403);
  EXPECT_EQ(client.Options("/cancel")->status, 405);
  EXPECT_EQ(cancels, 0);
  EXPECT_EQ(client.Post("/cancel", {{kChangeHeader, "1"}}, "", "")->status,
            200);
  EXPECT_EQ(cancels, 1);
}

std::string HashOf(const std::string& token) {
  Sha256 hash;
  hash.Update(token.data(), token.size());
  return hash.Hex();
}

TEST(HttpListener, AsksWhoeverCallsForATokenAndWritesDownWhatTheyChange) {
  const std::string place = testing::TempDir();
  ASSERT_TRUE(
      WriteWholeFile(
          place + "/tokens",
          absl::StrCat("view ada ", HashOf("looks"), "\nsubmit bob ",
                       HashOf("works"), "\nworker w1 ", HashOf("member"), "\n"))
          .ok());
  const RealClock clock;
  const auto tokens = TokenTable::Open(place + "/tokens");
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  const std::string log_file = place + "/access.log";
  const auto log = AccessLog::Open(log_file, &clock);
  ASSERT_TRUE(log.ok()) << log.status();
  const AccessGuard guard(tokens->get(), log->get());
  HttpRoute cancel = Fixed("/cancel", "cancelled");
  cancel.changes = true;
  cancel.rpc = "/hawser.Scheduler/CancelJob";
  HttpRoute page = Fixed("/", "page");
  page.open = true;
  const auto listener = Listen(
      {page, Fixed("/look", "seen"), cancel},
      {.address = "127.0.0.1:0", .guard = &guard, .access_log = log->get()});
  auto client = ClientOf(*listener);
  const auto as = [](const std::string& token) {
    return httplib::Headers{{"Authorization", "Bearer " + token},
                            {kChangeHeader, "1"}};
  };
  EXPECT_EQ(client.Get("/")->status, 200);
  const auto unknown = client.Get("/look");
  EXPECT_EQ(unknown->status, 401);
  EXPECT_EQ(unknown->get_header_value("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(client.Get("/look", as("wrong"))->status, 401);
  EXPECT_EQ(client.Get("/look", as("looks"))->body, "seen");
  EXPECT_EQ(client.Get("/look", as("member"))->status, 403);
  EXPECT_EQ(client.Post("/cancel?job=a", as("looks"), "", "")->status, 403);
  EXPECT_EQ(client.Post("/cancel?job=a", as("works"), "", "")->body,
            "cancelled");
  const auto written = ReadWholeFile(log_file, 1 << 20);
  ASSERT_TRUE(written.ok());
  for (const char* part : {"bob", "POST /cancel", "127.0.0.1:", "ada"}) {
    EXPECT_TRUE(absl::StrContains(*written, part)) << part << *written;
  }
  EXPECT_FALSE(absl::StrContains(*written, "looks"));
}

TEST(HttpListener, ABodyIsNotTakenForTheNextRequest) {
  const auto listener = Listen({Fixed("/a", "first")});
  const FileDescriptor socket = Connect(*listener);
  const std::string hidden = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
  Send(socket, absl::StrCat("GET /b HTTP/1.1\r\nHost: localhost\r\n"
                            "Content-Length: ",
                            hidden.size(), "\r\n\r\n", hidden));
  const std::string reply = ReadToTheEnd(socket);
  EXPECT_TRUE(absl::StartsWith(reply, "HTTP/1.1 404 ")) << reply;
  EXPECT_FALSE(absl::StrContains(reply, "first")) << reply;
}

TEST(HttpListener, StreamsUntilItsEnd) {
  const auto listener =
      Listen({{"/live", false, [](const HttpRequest&) {
                 HttpReply reply;
                 reply.content_type = "text/event-stream";
                 reply.stream = [n = 0](std::string* more) mutable {
                   absl::StrAppend(more, "data: ", n, "\n\n");
                   return ++n < 3;
                 };
                 return reply;
               }}});
  auto client = ClientOf(*listener);
  const auto live = client.Get("/live");
  ASSERT_TRUE(live);
  EXPECT_EQ(live->get_header_value("Content-Type"), "text/event-stream");
  EXPECT_EQ(live->body, "data: 0\n\ndata: 1\n\ndata: 2\n\n");
}

// A stream that goes on until its peer has gone.
HttpRoute Endless(std::atomic<int>* open) {
  return {"/live", false, [open](const HttpRequest&) {
            ++*open;
            HttpReply reply;
            const std::shared_ptr<void> ends(nullptr,
                                             [open](void*) { --*open; });
            reply.stream = [ends](std::string* more) {
              *more = ".";
              std::this_thread::yield();
              return true;
            };
            return reply;
          }};
}

TEST(HttpListener, StreamsHaveALimitAndAreForgottenWithTheirPeers) {
  std::atomic<int> open = 0;
  const auto listener = Listen({Endless(&open), Fixed("/a", "first")});
  std::vector<FileDescriptor> watchers;
  const std::string request = "GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n";
  char byte = 0;
  for (size_t i = 0; i < HttpListener::kMaxStreams; ++i) {
    watchers.push_back(Connect(*listener));
    Send(watchers.back(), request);
    ASSERT_EQ(recv(watchers.back().get(), &byte, 1, 0), 1);
  }
  auto client = ClientOf(*listener);
  EXPECT_EQ(client.Get("/live")->status, 503);
  EXPECT_EQ(client.Get("/a")->status, 200);
  watchers.clear();
  while (open != 0) std::this_thread::yield();
  const FileDescriptor again = Connect(*listener);
  std::string start(12, ' ');
  do {  // until its place is free
    const FileDescriptor next = Connect(*listener);
    Send(next, request);
    ASSERT_EQ(recv(next.get(), start.data(), start.size(), MSG_WAITALL), 12);
  } while (start != "HTTP/1.1 200");
}

TEST(HttpListener, ARequestHasALimitOfBytesAndTime) {
  const auto listener = Listen(
      {Fixed("/a", "first")},
      {.address = "127.0.0.1:0", .request_time = absl::Milliseconds(50)});
  const FileDescriptor large = Connect(*listener);
  std::string request = "GET /a HTTP/1.1\r\nHost: localhost\r\n";
  while (request.size() < 2 * HttpListener::kMaxRequestBytes) {
    absl::StrAppend(&request, "X: ", std::string(100, 'x'), "\r\n");
  }
  Send(large, request + "\r\n");
  EXPECT_FALSE(absl::StrContains(ReadToTheEnd(large), " 200 "));
  // One that is never complete ends by itself.
  const FileDescriptor slow = Connect(*listener);
  Send(slow, "GET /a HTTP/1.1\r\nHost: local");
  EXPECT_FALSE(absl::StrContains(ReadToTheEnd(slow), " 200 "));
  const FileDescriptor silent = Connect(*listener);
  EXPECT_EQ(ReadToTheEnd(silent), "");
}

TEST(HttpListener, ConnectionsThatWaitGetTheirTurn) {
  const auto listener = Listen({Fixed("/a", "first")});
  // More than have a thread, each idle after an answer.
  std::vector<FileDescriptor> idle;
  const std::string request = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (size_t i = 0; i < HttpListener::kMaxAnswering + 10; ++i) {
    idle.push_back(Connect(*listener));
    Send(idle.back(), request);
    std::string start(12, ' ');
    ASSERT_EQ(recv(idle.back().get(), start.data(), start.size(), MSG_WAITALL),
              12);
    EXPECT_EQ(start, "HTTP/1.1 200");
  }
}

TEST(HttpListener, StopsWhileThereAreStreamsAndIdleConnections) {
  std::atomic<int> open = 0;
  auto listener = Listen({Endless(&open), Fixed("/a", "first")},
                         {.address = "127.0.0.1:0",
                          .request_time = absl::InfiniteDuration(),
                          .idle_time = absl::InfiniteDuration()});
  const FileDescriptor idle = Connect(*listener);
  const FileDescriptor live = Connect(*listener);
  Send(live, "GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n");
  char byte = 0;
  ASSERT_EQ(recv(live.get(), &byte, 1, 0), 1);
  listener.reset();
  EXPECT_EQ(open, 0);
  EXPECT_EQ(ReadToTheEnd(idle), "");
}

TEST(HttpListener, RefusesAddressesItShouldNotListenAt) {
  const auto code = [](const std::string& address) {
    return HttpListener::Start({address}, {}).status().code();
  };
  EXPECT_EQ(code("0.0.0.0:0"), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(code("unix:/tmp/x"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("localhost"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(""), absl::StatusCode::kInvalidArgument);
  const auto listener = Listen({});
  EXPECT_EQ(code(listener->address()), absl::StatusCode::kUnavailable);
}

TEST(HttpListener, IPv6LoopbackIsWrittenInBrackets) {
  const auto listener = HttpListener::Start({"[::1]:0"}, {Fixed("/a", "x")});
  if (!listener.ok()) GTEST_SKIP() << "no IPv6 here: " << listener.status();
  httplib::Client client("::1", PortOf(**listener));
  EXPECT_EQ(client.Get("/a")->body, "x");
}

}  // namespace
}  // namespace hawser
