#include "common/listen_address.h"

#include "gtest/gtest.h"

namespace hawser {
namespace {

absl::StatusCode Check(const std::string& address, bool allow = false) {
  return CheckListenAddress(address, allow).code();
}

TEST(ListenAddressTest, LoopbackIsFine) {
  for (const char* address : {"127.0.0.1:0", "127.9.9.9:80", "localhost:7070",
                              "[::1]:7070", "unix:/run/x.sock"}) {
    EXPECT_EQ(Check(address), absl::StatusCode::kOk) << address;
  }
}

TEST(ListenAddressTest, TheNetworkNeedsLeave) {
  for (const char* address : {"0.0.0.0:7070", "[::]:7070", "10.1.2.3:7070",
                              "example.com:7070", "127.0.0.1.evil.org:1"}) {
    EXPECT_EQ(Check(address), absl::StatusCode::kPermissionDenied) << address;
    EXPECT_EQ(Check(address, true), absl::StatusCode::kOk) << address;
  }
}

TEST(ListenAddressTest, NonsenseIsRefused) {
  for (const char* address : {"", ":", "host", ":80", "127.0.0.1:x",
                              "127.0.0.1:70000", "unix:relative"}) {
    EXPECT_EQ(Check(address, true), absl::StatusCode::kInvalidArgument)
        << address;
  }
}

TEST(ListenAddressTest, WithPort) {
  EXPECT_EQ(WithPort("127.0.0.1:0", 4711), "127.0.0.1:4711");
  EXPECT_EQ(WithPort("[::1]:0", 4711), "[::1]:4711");
  EXPECT_EQ(WithPort("unix:/a", 1), "unix:/a");
}

}  // namespace
}  // namespace hawser
