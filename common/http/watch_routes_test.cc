#include "common/http/watch_routes.h"

#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

class WatchRoutesTest : public testing::Test {
 protected:
  WatchRoutesTest() {
    for (const HttpRoute& route : WatchRoutes(&page_, &readiness_)) {
      routes_[route.path] = route;
    }
  }
  HttpReply Get(const std::string& path) {
    return routes_.at(path).answer(HttpRequest{.path = path, .method = "GET"});
  }

  MetricsPage page_{"server"};
  Readiness readiness_{"it starts"};
  std::map<std::string, HttpRoute> routes_;
};

TEST_F(WatchRoutesTest, ProbesNeedNoTokenAndMetricsDo) {
  ASSERT_EQ(routes_.size(), 3u);
  EXPECT_TRUE(routes_.at("/healthz").open);
  EXPECT_TRUE(routes_.at("/readyz").open);
  EXPECT_FALSE(routes_.at("/metrics").open);
  for (const auto& [path, route] : routes_) EXPECT_FALSE(route.changes) << path;
}

TEST_F(WatchRoutesTest, ADaemonIsHealthyBeforeItIsReady) {
  EXPECT_EQ(Get("/healthz").status, 200);
  const HttpReply not_yet = Get("/readyz");
  EXPECT_EQ(not_yet.status, 503);
  EXPECT_EQ(not_yet.body, "not ready: it starts\n");
  readiness_.SetReady();
  EXPECT_EQ(Get("/readyz").status, 200);
  readiness_.SetStopping();
  EXPECT_EQ(Get("/readyz").status, 503);
  EXPECT_EQ(Get("/healthz").status, 200);
}

TEST_F(WatchRoutesTest, MetricsAreWhatPrometheusReads) {
  const HttpReply reply = Get("/metrics");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(reply.body, testing::HasSubstr("\nhawser_build_info{"));
}

}  // namespace
}  // namespace hawser
