#include "scheduler/etcd/leader_address.h"

#include "gtest/gtest.h"

namespace hawser {
namespace {

TEST(LeaderAddressTest, IsReadAsItWasWritten) {
  const LeaderAddress both =
      LeaderAddressOf(ToText({"a:7070", "https://a:9090"}));
  EXPECT_EQ(both.rpc, "a:7070");
  EXPECT_EQ(both.dashboard, "https://a:9090");
  const LeaderAddress one = LeaderAddressOf(ToText({"a:7070", ""}));
  EXPECT_EQ(one.rpc, "a:7070");
  EXPECT_EQ(one.dashboard, "");
}

TEST(LeaderAddressTest, AListenerOnAllAddressesIsReachedAsItsScheduler) {
  EXPECT_EQ(DashboardUrl("https", "0.0.0.0:9090", "a.example:7070"),
            "https://a.example:9090");
  EXPECT_EQ(DashboardUrl("http", "[::]:9090", "[fd00::1]:7070"),
            "http://[fd00::1]:9090");
  EXPECT_EQ(DashboardUrl("http", "127.0.0.1:80", "a.example:7070"),
            "http://127.0.0.1:80");
}

}  // namespace
}  // namespace hawser
