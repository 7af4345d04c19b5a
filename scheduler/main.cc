// hawser-scheduler: accepts jobs and coordinates servers and workers.
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/daemon_main.h"
#include "common/files.h"
#include "common/grpc/grpc_listener.h"
#include "common/http/http_flags.h"
#include "common/http/watch_routes.h"
#include "common/process_setup.h"
#include "common/readiness.h"
#include "common/security/security_flags.h"
#include "common/security/server_security.h"
#include "common/status_macros.h"
#include "common/threads.h"
#include "glog/logging.h"
#include "scheduler/dashboard/dashboard_routes.h"
#include "scheduler/etcd/etcd_office.h"
#include "scheduler/etcd/leader_address.h"
#include "scheduler/event_files.h"
#include "scheduler/grpc_member_log_service.h"
#include "scheduler/grpc_service.h"
#include "scheduler/metered_journal.h"
#include "scheduler/scheduler_driver.h"
#include "scheduler/sqlite_journal.h"

namespace hawser {
namespace {

struct Flags {
  std::string listen = "127.0.0.1:7070";
  std::string state_directory = "hawser-state";
  std::string port_file;
  std::string output_root;
  HttpFlags http;
  uint32_t lease_ms = 5000;
  uint32_t heartbeat_ms = 1000;
  SecurityFlags security;
  size_t max_jobs_per_user = 500;
  size_t keep_ended_jobs = ClusterState::kEndedJobs;
  // With several schedulers.
  EtcdOffice::Options etcd;
  uint32_t leader_lease_seconds = 5;
  std::string advertise;
};

constexpr int kMaxMessageBytes = 64 << 20;  // plans of many blocks
// A process has one connection, and on it few calls at a time.
constexpr int kStreamsOfConnection = 256;

absl::Status Run(Flags flags) {
  if (flags.heartbeat_ms == 0 || flags.lease_ms < 2 * flags.heartbeat_ms) {
    return absl::InvalidArgumentError(
        "--lease-ms must be at least twice --heartbeat-ms, which must be "
        "above 0");
  }
  std::unique_ptr<EtcdOffice> office;  // null: this is the only scheduler
  std::unique_ptr<Journal> own_journal;
  SchedulerDriver::Options options;
  options.lease = absl::Milliseconds(flags.lease_ms);
  options.heartbeat = absl::Milliseconds(flags.heartbeat_ms);
  options.keep_ended_jobs = flags.keep_ended_jobs;
  RETURN_IF_ERROR(MakeDirectories(flags.state_directory));
  if (!flags.output_root.empty()) {
    // As servers name it.
    std::error_code error;
    const auto root =
        std::filesystem::weakly_canonical(flags.output_root, error);
    if (error) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--output-root ", flags.output_root, ": ", error.message()));
    }
    options.output_root = root.string();
  }
  if (flags.etcd.endpoints.empty()) {
    ASSIGN_OR_RETURN(own_journal,
                     OpenSqliteJournal(flags.state_directory + "/journal.db"));
  } else {
    EtcdOffice::Options etcd = flags.etcd;
    etcd.lease = absl::Seconds(flags.leader_lease_seconds);
    ASSIGN_OR_RETURN(office, EtcdOffice::Open(etcd, RealThreads()));
    options.describe_leader = [&office] { return office->DescribeLeader(); };
  }
  const RealClock clock;
  if (flags.security.access_log.empty()) {
    flags.security.access_log = flags.state_directory + "/access.log";
  }
  ASSIGN_OR_RETURN(const auto security,
                   ServerSecurity::Open(flags.security, &clock));
  MeteredJournal metered_journal(
      office == nullptr ? own_journal.get() : office->journal(), &clock);
  SchedulerDriver driver(options, &metered_journal, &clock, RealThreads());
  if (office == nullptr) RETURN_IF_ERROR(driver.Start());
  const auto service =
      MakeGrpcService(&driver, security->guard(), flags.max_jobs_per_user);
  const auto member_log = MakeGrpcMemberLogService(&driver);
  ASSIGN_OR_RETURN(
      const auto listener,
      GrpcListener::Start(
          {.address = flags.listen,
           .allow_insecure_network = flags.security.allow_insecure_network,
           .max_message_bytes = kMaxMessageBytes,
           .max_streams_of_connection = kStreamsOfConnection,
           .tls = security->tls(),
           .require_client_certificate =
               flags.security.require_client_certificates,
           .guard = security->guard(),
           .access_log = security->access_log(),
           .more_services = {member_log.get()}},
          service.get()));
  std::unique_ptr<EventFiles> event_files;
  if (!flags.output_root.empty()) {
    event_files = std::make_unique<EventFiles>(flags.output_root, &driver,
                                               &clock, RealThreads());
  }
  Readiness readiness("it starts");
  readiness.Watch([&](bool ready) { listener->SetServing(ready); });
  MetricsPage metrics("scheduler");
  metrics.Add([&](MetricFamilies* to) { driver.CollectMetrics(to); });
  metrics.Add([&](MetricFamilies* to) { metered_journal.CollectMetrics(to); });
  if (event_files != nullptr) {
    metrics.Add([&](MetricFamilies* to) { event_files->CollectMetrics(to); });
  }
  std::vector<HttpRoute> routes =
      DashboardRoutes(&driver, &clock, RealThreads(), [&office] {
        return office == nullptr ? "" : office->LeadersDashboard();
      });
  for (HttpRoute& route : WatchRoutes(&metrics, &readiness)) {
    routes.push_back(std::move(route));
  }
  // Before the port file is written: who waits for that finds both.
  ASSIGN_OR_RETURN(auto http,
                   StartHttp(flags.http,
                             {.allow_insecure_network =
                                  flags.security.allow_insecure_network,
                              .tls = security->tls(),
                              .guard = security->guard(),
                              .access_log = security->access_log()},
                             std::move(routes)));
  // One that stands by is ready when it leads.
  if (office == nullptr) readiness.SetReady();
  LOG(INFO) << "listening on " << listener->address();
  if (!flags.port_file.empty()) {
    RETURN_IF_ERROR(WriteWholeFile(flags.port_file, listener->address()));
  }
  if (office != nullptr) {
    LeaderAddress address;
    address.rpc =
        flags.advertise.empty() ? listener->address() : flags.advertise;
    if (http != nullptr) {
      address.dashboard =
          DashboardUrl(security->tls().has_value() ? "https" : "http",
                       http->address(), address.rpc);
    }
    office->Begin(address, {[&] {
                              const absl::Status started = driver.Start();
                              if (started.ok()) readiness.SetReady();
                              return started;
                            },
                            [&] {
                              readiness.SetNotReady("another scheduler leads");
                              driver.Stop();
                            },
                            RequestTermination});
  }
  WaitForTermination();
  readiness.SetStopping();
  http.reset();
  event_files.reset();
  // Answers those who wait, so that the listener can stop.
  if (office != nullptr) office->Stop();
  driver.Stop();
  return office == nullptr ? absl::OkStatus() : office->failure();
}

}  // namespace
}  // namespace hawser

int main(int argc, char** argv) {
  hawser::Flags flags;
  hawser::DaemonMain daemon("scheduler",
                            "accepts jobs and coordinates servers and workers");
  CLI::App* const app = daemon.flags();
  app->add_option("--listen", flags.listen,
                  "HOST:PORT (port 0: any free one) or unix:/path")
      ->capture_default_str();
  app->add_option("--state-dir", flags.state_directory,
                  "directory of the access log and, unless --etcd is given, of "
                  "the journal; created if missing")
      ->capture_default_str();
  app->add_option("--port-file", flags.port_file,
                  "write the address to this file once listening");
  app->add_option("--output-root", flags.output_root,
                  "that of the servers: files of checkpoints are touched below "
                  "this directory alone, and the jobs' curves for TensorBoard "
                  "written there (default: where servers say, and no curves)");
  app->add_option("--lease-ms", flags.lease_ms,
                  "a member silent for this long is lost")
      ->capture_default_str();
  app->add_option("--heartbeat-ms", flags.heartbeat_ms,
                  "how often members renew their lease")
      ->capture_default_str();
  hawser::AddHttpFlags("the dashboard, /metrics, /healthz and /readyz",
                       &flags.http, app);
  app->add_option("--max-jobs-per-user", flags.max_jobs_per_user,
                  "with tokens: jobs that each name of a token may have that "
                  "have not ended")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app->add_option(
         "--keep-ended-jobs", flags.keep_ended_jobs,
         "jobs that have ended and are kept, each with its event log "
         "and curves: some 0.1 MiB of memory; older ones are forgotten")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000));
  hawser::AddListenerFlags(app, &flags.security);
  app->get_option("--access-log")
      ->description(
          "append who did what, and who was refused, to this file (default: "
          "access.log in the state directory)");
  app->add_option("--etcd", flags.etcd.endpoints,
                  "HOST:PORT,... of an etcd that keeps the journal, so that "
                  "several schedulers can stand by for each other");
  app->add_option("--etcd-prefix", flags.etcd.prefix,
                  "of this cluster's keys in etcd")
      ->capture_default_str();
  app->add_option("--etcd-tls-dir", flags.etcd.tls_directory,
                  "directory of tls.crt, tls.key and ca.crt for etcd");
  app->add_option("--etcd-user", flags.etcd.user, "a user of etcd's");
  app->add_option("--etcd-password-file", flags.etcd.password_file,
                  "the user's password");
  app->add_option("--leader-lease-seconds", flags.leader_lease_seconds,
                  "how long a leader may be silent before another takes over")
      ->capture_default_str();
  app->add_option("--advertise", flags.advertise,
                  "the address that other schedulers name as the leader's "
                  "(default: that of --listen)");
  return daemon.Run(argc, argv, [&] { return hawser::Run(std::move(flags)); });
}
