#include "common/grpc/grpc_caller.h"

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>

#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

bool Connects(const std::string& address) {
  return GrpcCaller()
      .Connect(address, grpc::ChannelArguments())
      ->WaitForConnected(std::chrono::system_clock::now() +
                         std::chrono::seconds(5));
}

// A proxy could not reach this process, and would read the token.
TEST(GrpcCaller, ThisHostIsCalledPastTheProxy) {
  grpc::CallbackGenericService service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterCallbackGenericService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  ASSERT_NE(server, nullptr);
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  for (const char* host : {"127.0.0.1:", "localhost:"}) {
    EXPECT_TRUE(Connects(host + std::to_string(port))) << host;
  }
  unsetenv("http_proxy");
}

}  // namespace
}  // namespace hawser
