#include "common/security/access_guard.h"

#include <cstdio>
#include <fstream>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/security/access_rules.h"
#include "common/sha256.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"
#include "proto/member_log.pb.h"
#include "proto/parameter_server.pb.h"
#include "proto/scheduler.pb.h"

namespace hawser {
namespace {

using Role = Identity::Role;

constexpr Role kRoles[] = {Role::kView, Role::kSubmit, Role::kAdmin,
                           Role::kWorker, Role::kServer};

std::string LineOf(absl::string_view role, const std::string& token,
                   const std::string& more = "") {
  Sha256 hash;
  hash.Update(token.data(), token.size());
  return absl::StrCat(role, " the-", token, " ", hash.Hex(), more, "\n");
}

class AccessGuardTest : public testing::Test {
 protected:
  void SetUp() override {
    std::remove((path_ + ".log").c_str());
    std::string text = LineOf("admin", "late", " 2001-01-01T00:00:00Z");
    for (const Role role : kRoles) {
      text += LineOf(RoleName(role), std::string(RoleName(role)));
    }
    std::ofstream(path_) << text;
    auto tokens = TokenTable::Open(path_);
    ASSERT_TRUE(tokens.ok()) << tokens.status();
    tokens_ = *std::move(tokens);
    auto log = AccessLog::Open(path_ + ".log", &clock_);
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
    guard_ = std::make_unique<AccessGuard>(tokens_.get(), log_.get());
  }
  absl::StatusCode Check(absl::string_view method,
                         absl::string_view authorization) {
    return guard_->Check(method, authorization, [] { return "peer-1"; }).code();
  }
  std::string LogText() { return *ReadWholeFile(path_ + ".log", 1 << 20); }

  const std::string path_ = testing::TempDir() + "/access_guard_test";
  RealClock clock_;
  std::unique_ptr<TokenTable> tokens_;
  std::unique_ptr<AccessLog> log_;
  std::unique_ptr<AccessGuard> guard_;
};

constexpr char kSubmit[] = "/hawser.Scheduler/SubmitJob";
constexpr char kHealth[] = "/grpc.health.v1.Health/Check";

TEST_F(AccessGuardTest, WithoutAKnownTokenNobodyIsLetIn) {
  for (const char* authorization :
       {"", "Bearer", "Bearer ", "admin", "Basic admin", "Bearer wrong",
        "Bearer admin ", "Bearer  admin", "Bearer late"}) {
    EXPECT_EQ(Check(kSubmit, authorization), absl::StatusCode::kUnauthenticated)
        << authorization;
    EXPECT_EQ(Check("/hawser.Scheduler/None", authorization),
              absl::StatusCode::kUnauthenticated);
    EXPECT_EQ(Check(kHealth, authorization), absl::StatusCode::kOk);
  }
  EXPECT_EQ(Check(kSubmit, "Bearer admin"), absl::StatusCode::kOk);
  EXPECT_EQ(Check(kSubmit, "bearer admin"), absl::StatusCode::kOk);
}

TEST_F(AccessGuardTest, ARefusalIsLoggedAndWhatIsLetThroughIsNot) {
  EXPECT_EQ(Check(kSubmit, "Bearer admin"), absl::StatusCode::kOk);
  EXPECT_EQ(LogText(), "");
  EXPECT_EQ(Check(kSubmit, "Bearer view"), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(LogText(),
              testing::AllOf(testing::HasSubstr(R"("who":"the-view")"),
                             testing::HasSubstr(R"("role":"view")"),
                             testing::HasSubstr(R"("peer":"peer-1")"),
                             testing::HasSubstr("PERMISSION_DENIED"),
                             testing::HasSubstr(kSubmit)));
  // A token is never written.
  Check(kSubmit, "Bearer secret");
  EXPECT_THAT(LogText(), testing::Not(testing::HasSubstr("secret")));
}

TEST_F(AccessGuardTest, NobodyCallsWhatIsNotInTheTable) {
  for (const Role role : kRoles) {
    for (const char* method : {"/hawser.Scheduler/None", "", "/", "SubmitJob",
                               "/hawser.Scheduler/SubmitJob/"}) {
      EXPECT_EQ(Check(method, absl::StrCat("Bearer ", RoleName(role))),
                absl::StatusCode::kPermissionDenied);
    }
  }
}

// What each role may, of what matters most; the table says the rest.
TEST_F(AccessGuardTest, EachRoleMayWhatIsItsOwn) {
  const struct {
    const char* method;
    std::set<Role> may;
  } cases[] = {
      {kSubmit, {Role::kSubmit, Role::kAdmin}},
      {"/hawser.Scheduler/CancelJob", {Role::kSubmit, Role::kAdmin}},
      {"/hawser.Scheduler/ListJobs",
       {Role::kView, Role::kSubmit, Role::kAdmin}},
      {"/hawser.Scheduler/Register", {Role::kWorker, Role::kServer}},
      {"/hawser.ParameterServer/Exchange", {Role::kWorker, Role::kServer}},
      {"/hawser.ParameterServer/ShareNorms", {Role::kServer}},
      {"/grpc.channelz.v1.Channelz/GetServers", {Role::kAdmin}},
  };
  for (const auto& [method, may] : cases) {
    for (const Role role : kRoles) {
      EXPECT_EQ(Check(method, absl::StrCat("Bearer ", RoleName(role))),
                may.count(role) != 0 ? absl::StatusCode::kOk
                                     : absl::StatusCode::kPermissionDenied)
          << method << " " << RoleName(role);
    }
  }
}

// A new RPC has to be put in the table, or nobody can call it.
TEST(AccessRulesTest, TheTableHasEveryMethodOfEveryService) {
  std::set<std::string> methods;
  for (const google::protobuf::FileDescriptor* file :
       {SubmitJobRequest::descriptor()->file(),
        AddLinesRequest::descriptor()->file(),
        ShareNormsRequest::descriptor()->file()}) {
    ASSERT_GT(file->service_count(), 0);
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        const std::string method =
            absl::StrCat("/", file->service(i)->full_name(), "/",
                         file->service(i)->method(j)->name());
        methods.insert(method);
        EXPECT_NE(FindAccessRule(method), nullptr) << method;
      }
    }
  }
  std::set<absl::string_view> seen;
  for (const AccessRule& rule : AccessRules()) {
    EXPECT_TRUE(seen.insert(rule.method).second) << rule.method;
    if (absl::StartsWith(rule.method, "/hawser.")) {
      EXPECT_EQ(methods.count(std::string(rule.method)), 1u) << rule.method;
    }
  }
}

}  // namespace
}  // namespace hawser
