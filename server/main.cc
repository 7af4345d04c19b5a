// hawser-server: holds parameter shards, adds gradients, applies optimizers.
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/time/time.h"
#include "client/control/grpc_member_log_client.h"
#include "client/control/grpc_scheduler_client.h"
#include "client/data_plane/carrier_choice.h"
#include "client/member/log_reporter.h"
#include "client/member/member_loop.h"
#include "client/member/trace_reporter.h"
#include "common/clock.h"
#include "common/daemon_main.h"
#include "common/files.h"
#include "common/grpc/grpc_caller.h"
#include "common/grpc/grpc_listener.h"
#include "common/http/http_flags.h"
#include "common/http/watch_routes.h"
#include "common/log/json_log.h"
#include "common/process_setup.h"
#include "common/readiness.h"
#include "common/security/security_flags.h"
#include "common/security/server_security.h"
#include "common/status_macros.h"
#include "common/threads.h"
#include "common/trace/span_metrics.h"
#include "common/trace/trace_recorder.h"
#include "common/wire/grpc_frame.h"
#include "glog/logging.h"
#include "server/direct_streams.h"
#include "server/grpc_norm_carrier.h"
#include "server/grpc_service.h"
#include "server/local_listener.h"
#include "server/server_driver.h"
#include "server/shard_handler.h"

namespace hawser {
namespace {

struct Flags {
  std::string scheduler = "127.0.0.1:7070";
  std::string listen = "127.0.0.1:0";
  std::string advertise;
  std::string output_root = "hawser-output";
  std::string data_root;
  SecurityFlags security;
  HttpFlags http;
  std::string carriers = "shared-memory,unix-socket,direct-tcp,tcp";
  double drain_seconds = 0;
};

int64_t MemoryBytes() {
  return int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
}

// Has the blocks go to other servers, until a second signal comes.
void Drain(MemberLoop* member, absl::Duration patience) {
  constexpr absl::Duration kLook = absl::Milliseconds(200);
  absl::Status status = absl::OkStatus();
  for (; patience > absl::ZeroDuration(); patience -= kLook) {
    status = member->Drain(std::min(kLook, patience));
    if (status.ok() || IsTerminationPending()) break;
  }
  LOG_IF(WARNING, !status.ok())
      << "stops before its blocks have moved: " << status.message();
}

// Of what gRPC holds for peers, a share of the machine's memory.
constexpr int64_t kGrpcShare = 4;
// A worker has one to each server; the others are for calls.
constexpr int kStreamsOfConnection = 64;

absl::Status Serve(const Flags& flags) {
  RETURN_IF_ERROR(MakeDirectories(flags.output_root));
  const RealClock clock;
  ASSIGN_OR_RETURN(const auto security,
                   ServerSecurity::Open(flags.security, &clock));
  ASSIGN_OR_RETURN(const auto caller,
                   GrpcCaller::Open(flags.security.tls_directory,
                                    flags.security.token_file));
  GrpcNormCarrier norms(caller);
  ASSIGN_OR_RETURN(const Carriers carriers, ParseCarriers(flags.carriers));
  SpanTimes times;
  TraceRecorder trace(&clock, &times);
  CarrierOptions to_servers;
  to_servers.carriers = carriers;
  to_servers.caller = caller;
  ServerDriver driver(&norms, flags.output_root, &clock, RealThreads(),
                      flags.data_root, carriers.shared_memory, &trace,
                      MachineFileCalls(),
                      [&to_servers](const ServerEndpoint& server) {
                        return ChooseCarrier(to_servers, server);
                      });
  Intake intake(ShardHandlers(&driver), Intake::LimitsFor(MemoryBytes()));
  const auto service = MakeGrpcService(&driver, &intake);
  DirectStreams direct(&intake, {.guard = security->guard()});
  std::function<void(FileDescriptor)> take_direct;
  if (carriers.direct_tcp) {
    take_direct = [&](FileDescriptor socket) {
      direct.Take(std::move(socket));
    };
  }
  ASSIGN_OR_RETURN(
      const auto listener,
      GrpcListener::Start(
          {.address = flags.listen,
           .allow_insecure_network = flags.security.allow_insecure_network,
           .max_message_bytes = kMaxMessageBytes,
           .magic = DirectStreams::kMagic,
           .take = take_direct,
           .local_name = carriers.unix_socket ? RandomLocalName() : "",
           .max_memory_bytes = static_cast<size_t>(MemoryBytes() / kGrpcShare),
           .max_streams_of_connection = kStreamsOfConnection,
           .tls = security->tls(),
           .require_client_certificate =
               flags.security.require_client_certificates,
           .guard = security->guard(),
           .access_log = security->access_log()},
          service.get()));
  std::unique_ptr<LocalListener> local;
  if (carriers.shared_memory) {
    ASSIGN_OR_RETURN(local, LocalListener::Start(&intake));
  }
  Readiness readiness("it has not registered with the scheduler yet");
  readiness.Watch([&](bool ready) { listener->SetServing(ready); });
  LOG(INFO) << "listening on " << listener->address();
  const auto scheduler = MakeGrpcSchedulerClient(flags.scheduler, caller);
  RegisterRequest registration = RegistrationOf(
      SERVER, flags.advertise.empty() ? listener->address() : flags.advertise);
  registration.mutable_local()->set_grpc(listener->local_name());
  if (local != nullptr) {
    registration.mutable_local()->set_shared_memory(local->name());
  }
  JobLines job_lines;
  const auto member_log = MakeGrpcMemberLogClient(flags.scheduler, caller);
  LogReporter log_reporter(member_log.get(), &job_lines, "server",
                           RealThreads());
  TraceReporter trace_reporter(scheduler.get(), &trace, &clock, RealThreads());
  MemberLoop member(
      scheduler.get(), std::move(registration),
      [&](uint64_t node, const Orders& orders) { driver.Follow(node, orders); },
      RequestTermination, RealThreads(),
      [&](uint64_t node, const TraceOrder& order) {
        trace_reporter.Follow(node, order);
      },
      [&](const std::vector<CheckpointOrder>& orders) {
        driver.FollowCheckpoints(orders);
      },
      [&](HeartbeatRequest* heartbeat) {
        for (ServerLoad& load : driver.Loads()) {
          *heartbeat->add_loads() = std::move(load);
        }
      },
      [&](uint64_t node) {
        SetLogNode(node);
        log_reporter.SetNode(node);
        readiness.SetReady();
      });
  driver.Start([&](ReportRequest report) { member.Report(std::move(report)); });
  MetricsPage metrics("server");
  metrics.Add([&](MetricFamilies* to) { driver.CollectMetrics(to); });
  metrics.Add([&](MetricFamilies* to) { intake.CollectMetrics(to); });
  metrics.Add([&](MetricFamilies* to) { member.CollectMetrics(to); });
  metrics.Add([&](MetricFamilies* to) { CollectServerSpans(times, to); });
  ASSIGN_OR_RETURN(auto http,
                   StartHttp(flags.http,
                             {.allow_insecure_network =
                                  flags.security.allow_insecure_network,
                              .tls = security->tls(),
                              .guard = security->guard(),
                              .access_log = security->access_log()},
                             WatchRoutes(&metrics, &readiness)));
  WaitForTermination();
  readiness.SetStopping();
  Drain(&member, absl::Seconds(flags.drain_seconds));
  http.reset();
  member.Stop();
  driver.Stop();
  LOG(INFO) << "of peers: " << intake.damaged_frames() << " damaged frames, "
            << intake.slow_readers() << " streams cut that did not read, "
            << intake.refused_streams() << " refused";
  return member.failure();
}

}  // namespace
}  // namespace hawser

int main(int argc, char** argv) {
  hawser::Flags flags;
  hawser::DaemonMain daemon(
      "server", "holds parameter shards, adds gradients, applies optimizers");
  CLI::App* const app = daemon.flags();
  hawser::AddSchedulerFlag(&flags.scheduler, app);
  app->add_option("--listen", flags.listen,
                  "HOST:PORT (port 0: any free one) or unix:/path")
      ->capture_default_str();
  app->add_option("--advertise", flags.advertise,
                  "address that workers and other servers reach this server at "
                  "(default: where it listens)");
  app->add_option("--output-root", flags.output_root,
                  "checkpoints go below this directory; created if missing")
      ->capture_default_str();
  app->add_option("--data-root", flags.data_root,
                  "models that jobs start from are below this directory "
                  "(default: none, such jobs fail)");
  hawser::AddCallerFlags(app, &flags.security);
  hawser::AddListenerFlags(app, &flags.security);
  hawser::AddHttpFlags("/metrics, /healthz and /readyz", &flags.http, app);
  app->add_option("--carriers", flags.carriers,
                  "how workers may reach this server besides TCP, and it other "
                  "servers: any of shared-memory, unix-socket, direct-tcp, tcp")
      ->capture_default_str();
  app->add_option("--drain-seconds", flags.drain_seconds,
                  "on SIGTERM, wait so long at most for the blocks to move to "
                  "other servers; a second signal ends the wait")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  return daemon.Run(argc, argv, [&] { return hawser::Serve(flags); });
}
