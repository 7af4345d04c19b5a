#include "common/http/request_rules.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace hawser {
namespace {

bool Passes(const std::string& host, const std::string& listen_host) {
  return !CheckHost({host}, listen_host).has_value();
}

TEST(RequestRules, LoopbackAnswersToItsOwnNames) {
  for (const char* host :
       {"localhost", "LocalHost:8080", "127.0.0.1", "127.0.0.1:7071",
        "127.3.2.1:1", "[::1]", "[::1]:7071"}) {
    EXPECT_TRUE(Passes(host, "127.0.0.1")) << host;
  }
}

TEST(RequestRules, LoopbackRefusesTheNamesOfOthers) {
  for (const char* host :
       {"evil.example", "evil.example:7071", "localhost.evil.example",
        "127.0.0.1.evil.example", "10.0.0.1", "", ":7071", "[::2]", "[::1"}) {
    const auto refusal = CheckHost({host}, "127.0.0.1");
    ASSERT_TRUE(refusal.has_value()) << host;
    EXPECT_EQ(refusal->status, 421) << host;
  }
  EXPECT_EQ(CheckHost({}, "127.0.0.1")->status, 400);
  EXPECT_EQ(CheckHost({"localhost", "evil.example"}, "::1")->status, 400);
}

TEST(RequestRules, BeyondLoopbackAnyNameMayLeadHere) {
  EXPECT_TRUE(Passes("dashboard.example:443", "0.0.0.0"));
  EXPECT_TRUE(Passes("10.1.2.3:7071", "10.1.2.3"));
}

TEST(RequestRules, WhatIsReadTakesGetAlone) {
  const HttpRoute route{"/metrics"};
  EXPECT_FALSE(CheckMethod("GET", false, &route).has_value());
  EXPECT_FALSE(CheckMethod("HEAD", false, &route).has_value());
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    EXPECT_EQ(CheckMethod(method, true, &route)->status, 405) << method;
  }
  EXPECT_EQ(CheckMethod("GET", true, nullptr)->status, 404);
}

TEST(RequestRules, WhatChangesSomethingNeedsTheHeader) {
  HttpRoute route{"/api/cancel"};
  route.changes = true;
  EXPECT_FALSE(CheckMethod("POST", true, &route).has_value());
  EXPECT_EQ(CheckMethod("POST", false, &route)->status, 403);
  for (const char* method : {"GET", "HEAD", "OPTIONS", "PUT"}) {
    EXPECT_EQ(CheckMethod(method, true, &route)->status, 405) << method;
  }
}

TEST(RequestRules, NoReplyLetsAnotherSiteIn) {
  const auto& headers = SecurityHeaders();
  const auto value = [&](const std::string& name) {
    const auto found =
        std::find_if(headers.begin(), headers.end(),
                     [&](const auto& header) { return header.first == name; });
    return found == headers.end() ? "" : found->second;
  };
  EXPECT_EQ(value("Access-Control-Allow-Origin"), "");
  EXPECT_EQ(value("X-Content-Type-Options"), "nosniff");
  const std::string policy = value("Content-Security-Policy");
  EXPECT_NE(policy.find("default-src 'none'"), std::string::npos);
  EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos);
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
}

}  // namespace
}  // namespace hawser
