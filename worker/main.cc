// hawser-worker: pulls parameters, computes gradients, pushes them.
#include <memory>
#include <string>
#include <thread>
#include <utility>

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
#include "common/grpc/grpc_caller.h"
#include "common/http/http_flags.h"
#include "common/http/watch_routes.h"
#include "common/log/json_log.h"
#include "common/process_setup.h"
#include "common/readiness.h"
#include "common/security/security_flags.h"
#include "common/security/server_security.h"
#include "common/shared_memory.h"
#include "common/status_macros.h"
#include "common/threads.h"
#include "common/trace/span_metrics.h"
#include "common/trace/trace_recorder.h"
#include "glog/logging.h"
#include "worker/device_choice.h"
#include "worker/idle_watch.h"
#include "worker/worker_driver.h"

namespace hawser {
namespace {

struct Flags {
  std::string scheduler = "127.0.0.1:7070";
  std::string data_root = ".";
  int threads = 0;
  int64_t memory_limit_bytes = 0;
  double micro_batch_delay_ms = 0;
  double exit_when_idle_seconds = 0;
  HttpFlags http;
  std::string carriers = "shared-memory,unix-socket,direct-tcp,tcp";
  int channels_per_server = 2;
  SecurityFlags security;
  std::string device = "cpu";
  CudaOptions cuda;
};

absl::Status Run(const Flags& flags) {
  CarrierOptions carriers;
  ASSIGN_OR_RETURN(carriers.carriers, ParseCarriers(flags.carriers));
  carriers.channels_per_server = flags.channels_per_server;
  ASSIGN_OR_RETURN(const BackendFactory make_backend,
                   BackendFactoryFor(flags.device, flags.cuda));
  SharedMemory memory;
  ASSIGN_OR_RETURN(carriers.caller,
                   GrpcCaller::Open(flags.security.tls_directory,
                                    flags.security.token_file));
  const auto scheduler =
      MakeGrpcSchedulerClient(flags.scheduler, carriers.caller);
  Readiness readiness("it has not registered with the scheduler yet");
  std::unique_ptr<MemberLoop> member;
  const RealClock clock;
  ASSIGN_OR_RETURN(const auto security,
                   ServerSecurity::Open(flags.security, &clock));
  SpanTimes times;
  TraceRecorder trace(&clock, &times);
  JobLines job_lines;
  const auto member_log =
      MakeGrpcMemberLogClient(flags.scheduler, carriers.caller);
  LogReporter log_reporter(member_log.get(), &job_lines, "worker",
                           RealThreads());
  TraceReporter trace_reporter(scheduler.get(), &trace, &clock, RealThreads());
  Surroundings surroundings;
  if (carriers.carriers.shared_memory) {
    carriers.memory = &memory;
    surroundings.memory = &memory;
  }
  surroundings.make_channel = [&carriers](const ServerEndpoint& server) {
    return ChooseCarrier(carriers, server);
  };
  surroundings.report = [&](ReportRequest report) {
    return member->ReportAndWait(std::move(report));
  };
  surroundings.clock = &clock;
  surroundings.threads = RealThreads();
  surroundings.trace = &trace;
  surroundings.tell = [&](ReportRequest report) {
    member->Report(std::move(report));
  };
  if (flags.micro_batch_delay_ms > 0) {
    surroundings.delay = [&] {
      return absl::Milliseconds(flags.micro_batch_delay_ms);
    };
  }
  absl::Status device_failure;
  WorkerDriver driver(
      {flags.data_root, flags.threads, flags.memory_limit_bytes, make_backend,
       [&](absl::Status status) {
         device_failure = std::move(status);
         RequestTermination();
       }},
      surroundings);
  IdleWatch idle(absl::Seconds(flags.exit_when_idle_seconds), &clock,
                 RealThreads(), RequestTermination);
  member = std::make_unique<MemberLoop>(
      scheduler.get(), RegistrationOf(WORKER, /*address=*/""),
      [&](uint64_t node, const Orders& orders) {
        idle.Follow(orders.plans_size() != 0);
        driver.Follow(node, orders);
      },
      RequestTermination, RealThreads(),
      [&](uint64_t node, const TraceOrder& order) {
        trace_reporter.Follow(node, order);
      },
      /*on_checkpoints=*/nullptr, /*add_news=*/nullptr,
      [&](uint64_t node) {
        SetLogNode(node);
        log_reporter.SetNode(node);
        readiness.SetReady();
      });
  MetricsPage metrics("worker");
  metrics.Add([&](MetricFamilies* to) { driver.CollectMetrics(to); });
  metrics.Add([&](MetricFamilies* to) { member->CollectMetrics(to); });
  metrics.Add([&](MetricFamilies* to) { CollectWorkerSpans(times, to); });
  const auto http = StartHttp(
      flags.http,
      {.allow_insecure_network = flags.security.allow_insecure_network,
       .tls = security->tls(),
       .guard = security->guard(),
       .access_log = security->access_log()},
      WatchRoutes(&metrics, &readiness));
  if (!http.ok()) {
    member->Stop();
    return http.status();
  }
  std::thread training([&] { driver.Run(); });
  WaitForTermination();
  readiness.SetStopping();
  driver.Stop();
  member->Stop();
  training.join();
  RETURN_IF_ERROR(device_failure);
  return member->failure();
}

}  // namespace
}  // namespace hawser

int main(int argc, char** argv) {
  hawser::Flags flags;
  hawser::DaemonMain daemon(
      "worker", "pulls parameters, computes gradients, pushes them");
  CLI::App* const app = daemon.flags();
  hawser::AddSchedulerFlag(&flags.scheduler, app);
  app->add_option("--data-root", flags.data_root,
                  "jobs read data below this directory only")
      ->capture_default_str();
  app->add_option("--threads", flags.threads,
                  "compute threads (0: as each job says)")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  app->add_option("--memory-limit", flags.memory_limit_bytes,
                  "refuse jobs that need more memory than this, e.g. 4GiB (0: "
                  "no limit)")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false));
  app->add_option(
         "--micro-batch-delay-ms", flags.micro_batch_delay_ms,
         "wait so long after each micro-batch: imitates a slow machine")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1e6));
  app->add_option("--exit-when-idle-seconds", flags.exit_when_idle_seconds,
                  "leave when there has been no work for so long, once there "
                  "has been some (0: never)")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1e6));
  hawser::AddHttpFlags("/metrics, /healthz and /readyz", &flags.http, app);
  app->add_option("--carriers", flags.carriers,
                  "how servers may be reached, the best of those that lead "
                  "there: any of shared-memory, unix-socket, direct-tcp, tcp")
      ->capture_default_str();
  app->add_option(
         "--channels-per-server", flags.channels_per_server,
         "connections to a server with 8 MiB of blocks or more: 1 is better "
         "on links of 10 Gbit/s or less")
      ->capture_default_str()
      ->check(CLI::Range(1, 2));
  hawser::AddCallerFlags(app, &flags.security);
  hawser::AddListenerFlags(app, &flags.security);
  app->add_option("--device", flags.device,
                  "what to compute on: cpu, or cuda:N for GPU number N; one "
                  "worker for each GPU")
      ->capture_default_str();
  app->add_flag("--tf32", flags.cuda.tf32,
                "on a GPU, round the operands of float32 products to TF32 (10 "
                "bits); all workers of a job alike");
  app->add_flag("!--no-cuda-graphs", flags.cuda.graphs,
                "on a GPU, give every kernel by itself instead of what belongs "
                "together as a CUDA graph");
  return daemon.Run(argc, argv, [&] { return hawser::Run(flags); });
}
