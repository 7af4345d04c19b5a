// Both ends of a connection of one host, looked at where the kernel keeps them.
#include "common/grpc/socket_buffers.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/grpc/grpc_listener.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/impl/service_type.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

constexpr int kMostDescriptors = 1024;

// Where a socket is: a port of loopback, or an abstract name.
std::string Place(const sockaddr_storage& address, socklen_t size) {
  if (address.ss_family == AF_UNIX) {
    const char* path = reinterpret_cast<const sockaddr_un&>(address).sun_path;
    const size_t length = size - offsetof(sockaddr_un, sun_path);
    return length == 0 ? "" : std::string(path + 1, length - 1);
  }
  // The port is in the same place for IPv4 and IPv6.
  return std::to_string(
      ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port));
}

// Send buffers of this process's connections that have this place at one end.
std::vector<int> SendBuffers(const std::string& place) {
  std::vector<int> buffers;
  for (int socket = 0; socket < kMostDescriptors; ++socket) {
    sockaddr_storage name = {};
    sockaddr_storage peer = {};
    socklen_t name_size = sizeof(name);
    socklen_t peer_size = sizeof(peer);
    if (getsockname(socket, reinterpret_cast<sockaddr*>(&name), &name_size) !=
            0 ||
        getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &peer_size) !=
            0 ||
        (Place(name, name_size) != place && Place(peer, peer_size) != place)) {
      continue;
    }
    int bytes = 0;
    socklen_t length = sizeof(bytes);
    EXPECT_EQ(getsockopt(socket, SOL_SOCKET, SO_SNDBUF, &bytes, &length), 0);
    buffers.push_back(bytes);
  }
  return buffers;
}

// What the kernel gives: twice what it is asked for, at most twice wmem_max;
// see socket(7).
int Granted() {
  int most = 0;
  std::ifstream("/proc/sys/net/core/wmem_max") >> most;
  return 2 * std::min(kLocalSendBuffer, most);
}

class NoMethods : public grpc::Service {};

TEST(SocketBuffersTest, OnOneHostBothEndsOfAConnectionHaveTheSizeForIt) {
  NoMethods service;
  GrpcListener::Options options{"127.0.0.1:0"};
  options.local_name = absl::StrCat("hawser-test-", getpid());
  const auto listener = GrpcListener::Start(options, &service);
  ASSERT_TRUE(listener.ok()) << listener.status();
  for (const std::string& address :
       {(*listener)->address(),
        absl::StrCat("unix-abstract:", options.local_name)}) {
    grpc::ChannelArguments arguments;
    LimitSocketBuffers(address, &arguments);
    const auto channel = grpc::CreateCustomChannel(
        address, grpc::InsecureChannelCredentials(), arguments);
    ASSERT_TRUE(channel->WaitForConnected(std::chrono::system_clock::now() +
                                          std::chrono::seconds(30)));
    const std::vector<int> buffers =
        SendBuffers(address.substr(address.rfind(':') + 1));
    ASSERT_EQ(buffers.size(), 2u) << address;
    for (const int bytes : buffers) EXPECT_EQ(bytes, Granted()) << address;
  }
}

TEST(SocketBuffersTest, OtherConnectionsStayAsTheyAre) {
  for (const char* address :
       {"10.0.0.1:7", "host:7", "0.0.0.0:7", "unixhost:7"}) {
    grpc::ChannelArguments arguments;
    const size_t before = arguments.c_channel_args().num_args;
    LimitSocketBuffers(address, &arguments);
    EXPECT_EQ(arguments.c_channel_args().num_args, before) << address;
  }
}

}  // namespace
}  // namespace hawser
