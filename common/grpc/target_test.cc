#include "common/grpc/target.h"

#include "gtest/gtest.h"

namespace hawser {
namespace {

TEST(Target, LoopbackAndUnixSocketsAreOfThisHost) {
  for (const char* target :
       {"127.0.0.1:7070", "127.9.9.9:80", "localhost:7070", "[::1]:7070",
        "unix:/run/hawser.sock", "unix:///run/hawser.sock",
        "unix-abstract:hawser"}) {
    EXPECT_TRUE(IsOfThisHost(target)) << target;
  }
}

// A token goes there in clear text otherwise.
TEST(Target, ANameIsNotOfThisHostForHowItBegins) {
  for (const char* target :
       {"127.example.org:7070", "127.0.0.1.example.org:7070", "127.0.0:7070",
        "localhost.example.org:7070", "unix.example.org:7070", "10.1.2.3:7070",
        "[::2]:7070", "[::127.0.0.1]:7070", "dns:///127.0.0.1:7070", ""}) {
    EXPECT_FALSE(IsOfThisHost(target)) << target;
  }
}

TEST(Target, Hosts) {
  EXPECT_EQ(HostOfTarget("example.org:7070"), "example.org");
  EXPECT_EQ(HostOfTarget("unix.example.org:7070"), "unix.example.org");
  EXPECT_EQ(HostOfTarget("10.1.2.3:7070"), "10.1.2.3");
  EXPECT_EQ(HostOfTarget("[fd00::1]:7070"), "fd00::1");
  EXPECT_EQ(HostOfTarget("unix:/run/hawser.sock"), "localhost");
}

}  // namespace
}  // namespace hawser
