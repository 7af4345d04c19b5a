// A peer that vanishes without a word: its host has lost power, or the network
// is cut, so that neither the end of its connection nor a reset ever comes.
// Here a relay between both stops to relay, and closes nothing.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/grpc/grpc_listener.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/impl/service_type.h"
#include "grpcpp/support/sync_stream.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using grpc::ByteBuffer;

constexpr int kSilenceMs = 2000;  // a starved machine answers within half

class NoMethods : public grpc::Service {};

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

int PortOf(const std::string& address) {
  return std::stoi(address.substr(address.rfind(':') + 1));
}

// Of one connection.
class Relay {
 public:
  explicit Relay(int to) : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof(address);
    auto* const name = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(listener_, name, size), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    EXPECT_EQ(getsockname(listener_, name, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, to] { Run(to); });
  }
  ~Relay() {
    over_ = true;
    thread_.join();
    for (const int end : {listener_, client_, server_}) close(end);
  }

  int port() const { return port_; }
  void Stop() { stopped_ = true; }
  bool server_has_closed() const { return server_has_closed_; }

 private:
  void Run(int to) {
    client_ = accept(listener_, nullptr, nullptr);
    server_ = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = Loopback(to);
    EXPECT_EQ(connect(server_, reinterpret_cast<const sockaddr*>(&address),
                      sizeof(address)),
              0);
    while (!over_) {
      const auto what =
          static_cast<decltype(pollfd::events)>(stopped_ ? 0 : POLLIN);
      pollfd ends[2] = {
          {client_, what, 0},
          {server_, static_cast<decltype(pollfd::events)>(what | POLLRDHUP),
           0}};
      poll(ends, 2, /*timeout=*/10);
      if ((ends[1].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) {
        server_has_closed_ = true;
      }
      if (stopped_) continue;
      if ((ends[0].revents & POLLIN) != 0) Move(client_, server_);
      if ((ends[1].revents & POLLIN) != 0) Move(server_, client_);
    }
  }

  static void Move(int from, int to) {
    char bytes[4096];
    const ssize_t n = read(from, bytes, sizeof(bytes));
    if (n <= 0) return;
    EXPECT_EQ(write(to, bytes, static_cast<size_t>(n)), n);
  }

  const int listener_;
  int port_ = 0;
  int client_ = -1;
  int server_ = -1;
  std::atomic<bool> stopped_{false};
  std::atomic<bool> over_{false};
  std::atomic<bool> server_has_closed_{false};
  std::thread thread_;
};

// A call that lasts, of the listener's own health service.
class Watch {
 public:
  explicit Watch(int port)
      : channel_(grpc::CreateChannel(absl::StrCat("127.0.0.1:", port),
                                     grpc::InsecureChannelCredentials())) {
    const grpc::internal::RpcMethod method(
        "/grpc.health.v1.Health/Watch",
        grpc::internal::RpcMethod::BIDI_STREAMING);
    stream_.reset(
        grpc::internal::ClientReaderWriterFactory<
            ByteBuffer, ByteBuffer>::Create(channel_.get(), method, &context_));
    const grpc::Slice nothing;
    EXPECT_TRUE(stream_->Write(ByteBuffer(&nothing, 1)));
    stream_->WritesDone();
    ByteBuffer status;
    EXPECT_TRUE(stream_->Read(&status));
  }
  ~Watch() {
    context_.TryCancel();
    stream_->Finish().IgnoreError();
  }

 private:
  const std::shared_ptr<grpc::Channel> channel_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<ByteBuffer, ByteBuffer>> stream_;
};

class VanishedPeerTest : public testing::Test {
 protected:
  void SetUp() override {
    GrpcListener::Options options{"127.0.0.1:0"};
    options.silence_ms = kSilenceMs;
    auto listener = GrpcListener::Start(options, &service_);
    ASSERT_TRUE(listener.ok()) << listener.status();
    listener_ = *std::move(listener);
    relay_ = std::make_unique<Relay>(PortOf(listener_->address()));
    watch_ = std::make_unique<Watch>(relay_->port());
  }

  NoMethods service_;
  std::unique_ptr<GrpcListener> listener_;
  std::unique_ptr<Relay> relay_;
  std::unique_ptr<Watch> watch_;
};

TEST_F(VanishedPeerTest, ItsConnectionIsClosed) {
  relay_->Stop();
  const absl::Time end = absl::Now() + absl::Seconds(30);
  while (!relay_->server_has_closed() && absl::Now() < end) {
    absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_TRUE(relay_->server_has_closed());
}

TEST_F(VanishedPeerTest, OneThatIsOnlySilentStays) {
  absl::SleepFor(absl::Milliseconds(3 * kSilenceMs));
  EXPECT_FALSE(relay_->server_has_closed());
}

}  // namespace
}  // namespace hawser
