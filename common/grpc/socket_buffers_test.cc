// Both ends of a connection on loopback, looked at where the kernel keeps them.
#include "common/grpc/socket_buffers.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <string>
#include <vector>

#include "common/grpc/grpc_listener.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/impl/service_type.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

constexpr int kMostDescriptors = 1024;

using NameOf = int (*)(int socket, sockaddr* address, socklen_t* size);

// Send buffers of this process's sockets whose own or peer's port this is.
std::vector<int> SendBuffers(NameOf name_of, int port) {
  std::vector<int> buffers;
  for (int socket = 0; socket < kMostDescriptors; ++socket) {
    sockaddr_in6 address = {};
    socklen_t size = sizeof(address);
    // The port is in the same place for IPv4.
    if (name_of(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
        ntohs(address.sin6_port) != port) {
      continue;
    }
    int bytes = 0;
    socklen_t length = sizeof(bytes);
    EXPECT_EQ(getsockopt(socket, SOL_SOCKET, SO_SNDBUF, &bytes, &length), 0);
    buffers.push_back(bytes);
  }
  return buffers;
}

class NoMethods : public grpc::Service {};

TEST(SocketBuffersTest, OnLoopbackBothEndsOfAConnectionAreSmall) {
  NoMethods service;
  const auto listener = GrpcListener::Start({"127.0.0.1:0"}, &service);
  ASSERT_TRUE(listener.ok()) << listener.status();
  const std::string& address = (*listener)->address();
  grpc::ChannelArguments arguments;
  LimitSocketBuffers(address, &arguments);
  const auto channel = grpc::CreateCustomChannel(
      address, grpc::InsecureChannelCredentials(), arguments);
  ASSERT_TRUE(channel->WaitForConnected(std::chrono::system_clock::now() +
                                        std::chrono::seconds(30)));
  const int port = std::stoi(address.substr(address.rfind(':') + 1));
  // The kernel doubles what it is asked for, see socket(7).
  const std::vector<int> servers = SendBuffers(getsockname, port);
  ASSERT_GE(servers.size(), 2u);  // it listens, and has accepted
  for (const int bytes : servers) EXPECT_EQ(bytes, 2 * (256 << 10));
  const std::vector<int> clients = SendBuffers(getpeername, port);
  ASSERT_EQ(clients.size(), 1u);
  EXPECT_EQ(clients[0], 2 * (256 << 10));
}

TEST(SocketBuffersTest, OtherConnectionsStayAsTheyAre) {
  for (const char* address : {"10.0.0.1:7", "host:7", "unix:/tmp/x",
                              "0.0.0.0:7", "unix-abstract:127.0.0.1:7"}) {
    grpc::ChannelArguments arguments;
    const size_t before = arguments.c_channel_args().num_args;
    LimitSocketBuffers(address, &arguments);
    EXPECT_EQ(arguments.c_channel_args().num_args, before) << address;
  }
}

}  // namespace
}  // namespace hawser
