#include "tests/bench/data_plane_bench_server.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <string>

#include "absl/synchronization/blocking_counter.h"
#include "common/clock.h"
#include "common/grpc/grpc_listener.h"
#include "common/threads.h"
#include "common/wire/grpc_frame.h"
#include "glog/logging.h"
#include "server/direct_streams.h"
#include "server/grpc_service.h"
#include "server/local_listener.h"
#include "server/server_driver.h"
#include "server/shard_handler.h"
#include "tests/data_plane/carriers.h"

namespace hawser {
namespace {

constexpr uint64_t kNode = 100;

struct Command {
  uint64_t job = 0;
  uint64_t step = 0;
  uint32_t block = 0;
};

// The updates of plans with `sums` are clipped, and wait for the norm of a
// block that is on a server that there is not.
class NoCarrier : public NormCarrier {
 public:
  void Send(const std::string&, const ShareNormsRequest&) override {}
};

void CarryOut(ServerDriver* driver, const Command& command) {
  ShareNormsRequest request;
  request.set_job(command.job);
  request.set_incarnation(1);
  request.set_step(command.step);
  BlockNorm* norm = request.add_norms();
  norm->set_block(command.block);
  norm->set_squared_norm(0);
  const absl::Status status = driver->ReceiveNorms(request);
  CHECK(status.ok()) << status;
}

[[noreturn]] void Serve(const std::vector<Plan>& plans, int commands,
                        int answers) {
  FLAGS_minloglevel = google::WARNING;
  NoCarrier norms;
  const RealClock clock;
  ServerDriver driver(&norms, "", &clock, RealThreads(), /*data_root=*/"",
                      /*shares_memory=*/true);
  absl::BlockingCounter unready(static_cast<int>(plans.size()));
  driver.Start([&](ReportRequest report) {
    CHECK(!report.has_failed()) << report.failed().message();
    if (report.has_server_ready()) unready.DecrementCount();
  });
  Orders orders;
  for (const Plan& plan : plans) *orders.add_plans() = plan;
  driver.Follow(kNode, orders);
  unready.Wait();
  Intake intake(ShardHandlers(&driver));
  const auto service = MakeGrpcService(&driver, &intake);
  DirectStreams direct(&intake, {});
  auto listener = GrpcListener::Start(
      {.address = "127.0.0.1:0",
       .max_message_bytes = kMaxMessageBytes,
       .magic = DirectStreams::kMagic,
       .take = [&](FileDescriptor socket) { direct.Take(std::move(socket)); },
       .local_name = RandomLocalName()},
      service.get());
  CHECK(listener.ok()) << listener.status();
  auto local = LocalListener::Start(&intake);
  CHECK(local.ok()) << local.status();
  auto tls = std::make_unique<CarrierServer>(Carrier::kTls, &driver, &intake);
  Plan endpoints;
  ServerEndpoint* endpoint = endpoints.add_servers();
  endpoint->set_address((*listener)->address());
  endpoint->mutable_local()->set_grpc((*listener)->local_name());
  endpoint->mutable_local()->set_shared_memory((*local)->name());
  endpoints.add_servers()->set_address(tls->address());
  const std::string bound = endpoints.SerializeAsString();
  PCHECK(write(answers, bound.data(), bound.size()) ==
         static_cast<ssize_t>(bound.size()));
  close(answers);
  for (Command command;
       read(commands, &command, sizeof(command)) == sizeof(command);) {
    CarryOut(&driver, command);
  }
  tls.reset();
  local->reset();
  listener->reset();
  driver.Stop();
  _exit(0);
}

std::string ReadAll(int file) {
  std::string all;
  std::array<char, 4096> some;
  for (ssize_t n = 0; (n = read(file, some.data(), some.size())) > 0;) {
    all.append(some.data(), static_cast<size_t>(n));
  }
  return all;
}

void AddBlock(Plan* plan, uint64_t offset, uint64_t elements, uint32_t server) {
  Block* block = plan->add_blocks();
  block->set_id(static_cast<uint32_t>(plan->blocks_size() - 1));
  block->set_offset(offset);
  block->set_elements(static_cast<uint32_t>(elements));
  block->set_server(server);
}

}  // namespace

Plan BenchPlan(uint64_t job, uint64_t elements, uint64_t block_elements,
               bool sums) {
  Plan plan;
  plan.set_job(job);
  plan.set_incarnation(1);
  const uint64_t forever = std::numeric_limits<uint32_t>::max();
  plan.set_total_steps(forever);
  plan.set_steps_per_epoch(forever);
  plan.set_optimizer_steps(forever);
  SynchronisationSpec* synchronisation =
      plan.add_phases()->mutable_synchronisation();
  synchronisation->set_mode(SYNCHRONOUS);
  synchronisation->set_local_steps(1);
  JobSpec* spec = plan.mutable_spec();
  spec->set_name("bench");
  spec->mutable_schedule()->set_micro_batches(sums ? 2 : 1);
  spec->mutable_learning_rate()->set_base(1e-3);
  spec->mutable_learning_rate()->mutable_constant();
  if (sums) {
    spec->mutable_optimizer()->mutable_sgd();
    spec->mutable_optimizer()->set_clip_global_norm(1);
  } else {
    AdamSpec* adam = spec->mutable_optimizer()->mutable_adam();
    adam->set_beta1(0.9);
    adam->set_beta2(0.999);
    adam->set_epsilon(1e-8);
  }
  plan.set_parameters(elements);
  for (uint64_t done = 0; done < elements; done += block_elements) {
    AddBlock(&plan, done, std::min(block_elements, elements - done), 0);
  }
  if (sums) AddBlock(&plan, elements, 1, 1);
  TensorShape* tensor = plan.add_tensors();
  tensor->set_name("vector");
  tensor->add_dimensions(elements);
  tensor->mutable_initialiser()->set_uniform_bound(0.1);
  for (uint64_t node = kNode; node < kNode + 2; ++node) {
    ServerEndpoint* server = plan.add_servers();
    server->set_node(node);
    server->set_address("nowhere");
  }
  return plan;
}

BenchServer::BenchServer(const std::vector<Plan>& plans) {
  int commands[2], answers[2];
  PCHECK(pipe(commands) == 0);
  PCHECK(pipe(answers) == 0);
  process_ = fork();
  PCHECK(process_ >= 0);
  if (process_ == 0) {
    close(commands[1]);
    close(answers[0]);
    Serve(plans, commands[0], answers[1]);
  }
  close(commands[0]);
  close(answers[1]);
  commands_ = commands[1];
  CHECK(endpoints_.ParseFromString(ReadAll(answers[0])) &&
        endpoints_.servers_size() == 2)
      << "the server has not started";
  close(answers[0]);
}

BenchServer::~BenchServer() {
  close(commands_);
  waitpid(process_, nullptr, 0);
}

void BenchServer::Release(const Plan& plan, uint64_t step) {
  const Command command = {plan.job(), step,
                           static_cast<uint32_t>(plan.blocks_size() - 1)};
  PCHECK(write(commands_, &command, sizeof(command)) == sizeof(command));
}

}  // namespace hawser
