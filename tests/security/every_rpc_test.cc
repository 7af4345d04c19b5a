// Every RPC of both daemons, over every kind of connection, with every kind of
// credentials that is not enough: refused, written down, nothing done.
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/files.h"
#include "common/grpc/grpc_caller.h"
#include "common/grpc/grpc_listener.h"
#include "common/security/access_guard.h"
#include "common/security/access_rules.h"
#include "common/security/certificate_authority.h"
#include "common/sha256.h"
#include "common/threads.h"
#include "google/protobuf/descriptor.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "scheduler/grpc_service.h"
#include "scheduler/memory_journal.h"
#include "server/grpc_norm_carrier.h"
#include "server/grpc_service.h"
#include "server/local_listener.h"
#include "server/shard_handler.h"

namespace hawser {
namespace {

using Role = Identity::Role;

constexpr Role kRoles[] = {Role::kView, Role::kSubmit, Role::kAdmin,
                           Role::kWorker, Role::kServer};
constexpr absl::Duration kYear = absl::Hours(24 * 365);

std::vector<std::string> MethodsOf(const google::protobuf::Descriptor* any) {
  std::vector<std::string> methods;
  for (int i = 0; i < any->file()->service_count(); ++i) {
    const auto* const service = any->file()->service(i);
    for (int j = 0; j < service->method_count(); ++j) {
      methods.push_back(absl::StrCat("/", service->full_name(), "/",
                                     service->method(j)->name()));
    }
  }
  return methods;
}

std::string LineOf(absl::string_view role, const std::string& token,
                   const std::string& more = "") {
  Sha256 hash;
  hash.Update(token.data(), token.size());
  return absl::StrCat(role, " the-", token, " ", hash.Hex(), more, "\n");
}

enum class Way { kTcp, kUnixSocket, kTls };

class EveryRpcTest : public testing::TestWithParam<Way> {
 protected:
  EveryRpcTest() {
    EXPECT_TRUE(MakeDirectories(directory_).ok());
    std::string text = LineOf("admin", "late", " 2001-01-01T00:00:00Z");
    for (const Role role : kRoles) {
      text += LineOf(RoleName(role), std::string(RoleName(role)));
    }
    EXPECT_TRUE(WriteWholeFile(directory_ + "/tokens", text).ok());
    tokens_ = *TokenTable::Open(directory_ + "/tokens");
    std::ofstream(LogPath(), std::ios::trunc);
    log_ = *AccessLog::Open(LogPath(), &clock_);
    guard_ = std::make_unique<AccessGuard>(tokens_.get(), log_.get());
    MakeCertificates();
    EXPECT_TRUE(scheduler_.Start().ok());
    services_.push_back(
        MakeGrpcService(&scheduler_, guard_.get(), /*max_jobs_per_user=*/9));
    services_.push_back(MakeGrpcService(&server_, &intake_));
    for (const auto& service : services_) Listen(service.get());
  }
  ~EveryRpcTest() override { scheduler_.Stop(); }

  std::string LogPath() const { return directory_ + "/access.log"; }

  void MakeCertificates() {
    const absl::Time now = absl::Now();
    const auto authority =
        *CertificateAuthority::Make(*MakePrivateKey(), now, kYear);
    const std::string key = *MakePrivateKey();
    const std::string certificate =
        *authority->Sign({"test", key, {"localhost", "127.0.0.1"}}, now, kYear);
    for (const auto& [name, text] : std::map<std::string, std::string>{
             {"tls.key", key},
             {"tls.crt", certificate},
             {"ca.crt", authority->certificate()}}) {
      EXPECT_TRUE(WriteWholeFile(directory_ + "/" + name, text).ok());
    }
  }

  void Listen(grpc::Service* service) {
    GrpcListener::Options options = {.address = "127.0.0.1:0",
                                     .guard = guard_.get(),
                                     .access_log = log_.get()};
    if (GetParam() == Way::kUnixSocket) options.local_name = RandomLocalName();
    if (GetParam() == Way::kTls) options.tls = *TlsFilesIn(directory_);
    auto listener = GrpcListener::Start(options, service);
    ASSERT_TRUE(listener.ok()) << listener.status();
    const std::string address = GetParam() == Way::kUnixSocket
                                    ? "unix-abstract:" + options.local_name
                                    : (*listener)->address();
    const auto caller =
        *GrpcCaller::Open(GetParam() == Way::kTls ? directory_ : "", "");
    channels_.push_back(caller->Connect(address, grpc::ChannelArguments()));
    listeners_.push_back(*std::move(listener));
  }

  // One call with an empty message; authorization: as in the header, "" none.
  grpc::Status Call(const std::shared_ptr<grpc::Channel>& channel,
                    const std::string& method,
                    const std::string& authorization) {
    grpc::GenericStub stub(channel);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(60));
    if (!authorization.empty()) {
      context.AddMetadata("authorization", authorization);
    }
    const grpc::Slice nothing;
    const grpc::ByteBuffer request(&nothing, 1);
    grpc::ByteBuffer response;
    grpc::CompletionQueue queue;
    const auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
    call->StartCall();
    grpc::Status status;
    call->Finish(&response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return status;
  }

  void ExpectRefused(const std::shared_ptr<grpc::Channel>& channel,
                     const std::string& method,
                     const std::string& authorization, grpc::StatusCode code) {
    const grpc::Status status = Call(channel, method, authorization);
    EXPECT_EQ(status.error_code(), code)
        << method << " " << authorization << ": " << status.error_message();
    ++refused_;
  }

  const std::string directory_ = testing::TempDir() + "/every_rpc";
  const RealClock clock_;
  std::unique_ptr<TokenTable> tokens_;
  std::unique_ptr<AccessLog> log_;
  std::unique_ptr<AccessGuard> guard_;
  MemoryJournal journal_;
  SchedulerDriver scheduler_{{}, &journal_, &clock_, RealThreads()};
  GrpcNormCarrier norms_;
  ServerDriver server_{&norms_, directory_, &clock_, RealThreads()};
  Intake intake_{ShardHandlers(&server_)};
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::vector<std::unique_ptr<GrpcListener>> listeners_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  uint64_t refused_ = 0;
};

TEST_P(EveryRpcTest, WhoeverMayNotIsRefusedAndNothingIsDone) {
  const std::vector<std::string> methods[] = {
      MethodsOf(SubmitJobRequest::descriptor()),
      MethodsOf(ShareNormsRequest::descriptor())};
  for (size_t i = 0; i < channels_.size(); ++i) {
    ASSERT_GE(methods[i].size(), 3u);
    std::vector<std::string> all = methods[i];
    all.push_back("/hawser.Scheduler/NoSuchRpc");
    all.push_back(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");
    for (const std::string& method : all) {
      for (const char* authorization :
           {"", "Bearer wrong", "Bearer late", "Basic admin", "admin"}) {
        ExpectRefused(channels_[i], method, authorization,
                      grpc::StatusCode::UNAUTHENTICATED);
      }
      const AccessRule* const rule = FindAccessRule(method);
      for (const Role role : kRoles) {
        if (rule != nullptr && MayCall(role, rule->access)) continue;
        ExpectRefused(channels_[i], method,
                      absl::StrCat("Bearer ", RoleName(role)),
                      grpc::StatusCode::PERMISSION_DENIED);
      }
    }
  }
  ListJobsResponse jobs;
  EXPECT_TRUE(scheduler_.List(&jobs).ok());
  EXPECT_EQ(jobs.jobs_size(), 0);
  ListNodesResponse nodes;
  EXPECT_TRUE(scheduler_.ListNodes(&nodes).ok());
  EXPECT_EQ(nodes.nodes_size(), 0);
  scheduler_.Stop();
  for (const JournalEvent& event : journal_.events) {
    EXPECT_TRUE(event.has_numbers_reserved()) << event.ShortDebugString();
  }
  // One more line tells how many have not been written.
  log_->Record({});
  uint64_t written = 0;
  std::ifstream log(LogPath());
  for (std::string line; std::getline(log, line);) {
    const auto json = nlohmann::json::parse(line);
    if (json.value("refused", false)) {
      ++written;
      EXPECT_NE(json.value("peer", ""), "");
    }
    written += json.value("refusals_not_written", uint64_t{0});
  }
  EXPECT_EQ(written, refused_);
}

TEST_P(EveryRpcTest, WhoeverMayIsHeard) {
  for (size_t i = 0; i < channels_.size(); ++i) {
    for (const std::string& method :
         MethodsOf(i == 0 ? SubmitJobRequest::descriptor()
                          : ShareNormsRequest::descriptor())) {
      const AccessRule* const rule = FindAccessRule(method);
      ASSERT_NE(rule, nullptr) << method;
      for (const Role role : kRoles) {
        if (!MayCall(role, rule->access)) continue;
        const grpc::Status status =
            Call(channels_[i], method, absl::StrCat("Bearer ", RoleName(role)));
        EXPECT_NE(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
        EXPECT_NE(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
        // What it registers as is in the message.
        if (!absl::EndsWith(method, "/Register")) {
          EXPECT_NE(status.error_code(), grpc::StatusCode::PERMISSION_DENIED)
              << method << " " << status.error_message();
        }
      }
    }
    EXPECT_TRUE(Call(channels_[i], "/grpc.health.v1.Health/Check", "").ok());
  }
}

std::string NameOf(const testing::TestParamInfo<Way>& info) {
  constexpr const char* kNames[] = {"Tcp", "UnixSocket", "Tls"};
  return kNames[static_cast<int>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(EveryWay, EveryRpcTest,
                         testing::Values(Way::kTcp, Way::kUnixSocket,
                                         Way::kTls),
                         NameOf);

}  // namespace
}  // namespace hawser
