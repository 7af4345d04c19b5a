#include "common/grpc/shared_port.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

constexpr char kMagic[] = "MINE";
constexpr absl::Duration kPatience = absl::Milliseconds(100);

class SharedPortTest : public testing::Test {
 protected:
  SharedPortTest() {
    auto port = SharedPort::Listen("localhost:0");
    EXPECT_TRUE(port.ok()) << port.status();
    port_ = *std::move(port);
    grpc::ServerBuilder builder;
    auto acceptor = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
        grpc::InsecureServerCredentials());
    builder.RegisterCallbackGenericService(&service_);
    server_ = builder.BuildAndStart();
    port_->Start({.magic = {'M', 'I', 'N', 'E'},
                  .patience = kPatience,
                  .see = [this](int) { ++seen_; },
                  .take =
                      [this](FileDescriptor socket) {
                        absl::MutexLock lock(&mutex_);
                        taken_.push_back(std::move(socket));
                      },
                  .grpc = std::move(acceptor)});
  }
  ~SharedPortTest() override {
    port_.reset();
    server_->Shutdown(std::chrono::system_clock::now());
  }

  FileDescriptor Connect() const {
    FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port_->port()));
    EXPECT_EQ(connect(socket.get(), reinterpret_cast<sockaddr*>(&address),
                      sizeof(address)),
              0);
    return socket;
  }

  FileDescriptor Taken() {
    const auto has_one = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return !taken_.empty();
    };
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&has_one));
    FileDescriptor socket = std::move(taken_.back());
    taken_.pop_back();
    return socket;
  }

  // How the port answers a gRPC call; the service knows no method.
  grpc::StatusCode Call() const {
    const auto channel =
        grpc::CreateChannel(absl::StrCat("localhost:", port_->port()),
                            grpc::InsecureChannelCredentials());
    if (!channel->WaitForConnected(std::chrono::system_clock::now() +
                                   std::chrono::seconds(10))) {
      return grpc::StatusCode::UNAVAILABLE;
    }
    return grpc::StatusCode::OK;
  }

  grpc::CallbackGenericService service_;
  std::unique_ptr<grpc::Server> server_;
  std::atomic<int> seen_{0};
  absl::Mutex mutex_;
  std::vector<FileDescriptor> taken_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<SharedPort> port_;
};

TEST_F(SharedPortTest, WhoBeginsWithTheMagicIsTakenAndNothingOfItRead) {
  const FileDescriptor socket = Connect();
  ASSERT_EQ(send(socket.get(), "MINE, all", 9, 0), 9);
  const FileDescriptor taken = Taken();
  char read[16] = {};
  EXPECT_EQ(recv(taken.get(), read, sizeof(read), 0), 9);
  EXPECT_STREQ(read, "MINE, all");
  EXPECT_EQ(seen_, 1);
}

TEST_F(SharedPortTest, OthersAreOfGrpc) {
  EXPECT_EQ(Call(), grpc::StatusCode::OK);
  EXPECT_EQ(seen_, 1);
  absl::MutexLock lock(&mutex_);
  EXPECT_TRUE(taken_.empty());
}

TEST_F(SharedPortTest, NobodyWaitsForOneWhoSaysNothing) {
  const FileDescriptor silent = Connect();
  EXPECT_EQ(Call(), grpc::StatusCode::OK);
  const FileDescriptor socket = Connect();
  ASSERT_EQ(send(socket.get(), kMagic, 4, 0), 4);
  Taken();
}

TEST_F(SharedPortTest, WhoSaysNothingIsCut) {
  const FileDescriptor silent = Connect();
  char nothing = 0;
  EXPECT_EQ(recv(silent.get(), &nothing, 1, 0), 0);
}

TEST_F(SharedPortTest, OneWhoLeavesAtOnceIsForgotten) {
  for (int i = 0; i < 10; ++i) Connect();
  const FileDescriptor socket = Connect();
  ASSERT_EQ(send(socket.get(), kMagic, 4, 0), 4);
  Taken();
}

// Whoever is not one of ours may be anybody: what gRPC does not understand it
// closes.
TEST_F(SharedPortTest, NonsenseIsGrpcsToRefuse) {
  const FileDescriptor socket = Connect();
  const std::string nonsense = "MIN is not it, and neither is this a preface";
  ASSERT_GT(send(socket.get(), nonsense.data(), nonsense.size(), 0), 0);
  char some[4096];
  while (recv(socket.get(), some, sizeof(some), 0) > 0) {
  }
  absl::MutexLock lock(&mutex_);
  EXPECT_TRUE(taken_.empty());
}

TEST(SharedPort, WhereItCannotListenItSaysSo) {
  const auto first = SharedPort::Listen("127.0.0.1:0");
  ASSERT_TRUE(first.ok());
  for (const std::string& address :
       {absl::StrCat("127.0.0.1:", (*first)->port()),
        std::string("203.0.113.1:0"), std::string("no-such-host.invalid:1")}) {
    EXPECT_FALSE(SharedPort::Listen(address).ok()) << address;
  }
  EXPECT_TRUE(SharedPort::Listen("[::1]:0").ok());
}

}  // namespace
}  // namespace hawser
