// How fast vectors move between a worker and a server, and how fast the server
// works on them, beside what the kernel's TCP and the memory do in the same
// minute. docs/data_plane.md shows a table and says how to read it.
//
//   bazel run //tests/bench:data_plane_bench -- [--rounds N] [--only TEXT]
//
// Two processes (a server, forked, and this one) with the product's own server,
// service and channels. Run it on a quiet machine with two cores.
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/data_plane/carrier_choice.h"
#include "common/job/job_rules.h"
#include "common/process_setup.h"
#include "common/shared_memory.h"
#include "common/thread_caches.h"
#include "glog/logging.h"
#include "tests/bench/data_plane_bench_client.h"
#include "tests/bench/data_plane_bench_figures.h"
#include "tests/bench/data_plane_bench_memory.h"
#include "tests/bench/data_plane_bench_server.h"
#include "tests/bench/data_plane_bench_socket.h"
#include "tests/data_plane/carriers.h"

namespace hawser {
namespace {

struct MeasuredCarrier {
  std::string name;
  Carriers allowed;
  bool is_tls = false;
  // All by one channel, also where two are better: only those sizes.
  bool has_one = false;
};
const std::vector<MeasuredCarrier> kCarriers = {
    {"direct", {.shared_memory = false, .unix_socket = false}},
    {"direct, one channel,",
     {.shared_memory = false, .unix_socket = false},
     /*is_tls=*/false,
     /*has_one=*/true},
    {"tcp",
     {.shared_memory = false, .unix_socket = false, .direct_tcp = false}},
    {"tcp, one channel,",
     {.shared_memory = false, .unix_socket = false, .direct_tcp = false},
     /*is_tls=*/false,
     /*has_one=*/true},
    {"tls", {.shared_memory = false, .unix_socket = false}, true},
    {"unix", {.shared_memory = false, .unix_socket = true, .tcp = false}},
    {"shared memory",
     {.shared_memory = true, .unix_socket = true, .tcp = false}},
};

struct Size {
  std::string name;
  size_t bytes;
};
const std::vector<Size> kSizes = {{"64 KiB", size_t{64} << 10},
                                  {"1 MiB", size_t{1} << 20},
                                  {"16 MiB", size_t{16} << 20},
                                  {"64 MiB", size_t{64} << 20}};
// The 784-128-10 MLP.
constexpr uint64_t kMlpElements = 784 * 128 + 128 + 128 * 10 + 10;

// A worker's and a server's state of one plan, on one carrier.
class Exchange {
 public:
  Exchange(const Plan& plan, const MeasuredCarrier& carrier,
           BenchServer* server)
      : plan_(plan),
        carrier_(carrier),
        server_(server),
        processor_(server->process()),
        client_(&plan_, &memory_) {}

  // If all it may have are used.
  bool HasTwoChannels() const {
    return Bytes() >= static_cast<double>(Connect()->BytesForTwo());
  }

  // Of plans with sums: two pushes make a step, and the second is added to the
  // first. The update between them is not measured.
  Work Pushes(double seconds) {
    const Connection connection(this);
    return Repeat(
        seconds, Bytes(), processor_,
        [&] {
          client_.Push(step_, {0, pushed_++});
        },
        [&] {
          if (pushed_ < 2) return;
          server_->Release(plan_, step_);
          client_.Pull(++step_);
          pushed_ = 0;
        });
  }

  Work Pulls(double seconds) {
    const Connection connection(this);
    return Repeat(seconds, Bytes(), processor_, [&] { client_.Pull(step_); });
  }

  // Push, update, pull.
  Work Steps(double seconds) {
    const Connection connection(this);
    return Repeat(seconds, Bytes(), processor_, [&] {
      client_.Send(step_, {0, 0}, /*want_acks=*/false);
      client_.Pull(++step_);
    });
  }

 private:
  // For as long as a row is measured, since a stream at which nobody looks
  // while other rows are measured is taken for dead.
  class Connection {
   public:
    explicit Connection(Exchange* exchange)
        : exchange_(exchange),
          channels_(exchange->plan_, [=](const ServerEndpoint& server) {
            return server.node() == exchange->plan_.servers(0).node()
                       ? exchange->Connect()
                       : nullptr;
          }) {
      exchange_->client_.Use(&channels_, exchange->carrier_.has_one);
      for (int i = 0; i < kUnmeasuredPulls; ++i) {
        exchange_->client_.Pull(exchange_->step_);
      }
    }

   private:
    static constexpr int kUnmeasuredPulls = 2;

    Exchange* const exchange_;
    const BlockChannels channels_;
  };

  std::unique_ptr<ParameterChannel> Connect() const {
    return carrier_.is_tls ? ConnectByCarrier(Carrier::kTls,
                                              server_->tls_address(), &memory_)
                           : ChooseCarrier({.carriers = carrier_.allowed,
                                            .memory = &memory_},
                                           server_->endpoint());
  }

  double Bytes() const {
    return static_cast<double>(plan_.parameters() * sizeof(float));
  }

  const Plan plan_;
  const MeasuredCarrier carrier_;
  BenchServer* const server_;
  const ProcessorTime processor_;
  SharedMemory memory_;
  BenchClient client_;
  uint64_t step_ = 0;
  uint32_t pushed_ = 0;
};

// Jobs are not shared by carriers: each keeps count of its own steps.
std::vector<Plan> Plans(size_t carriers, uint64_t block_elements) {
  std::vector<Plan> plans;
  for (size_t carrier = 0; carrier < carriers; ++carrier) {
    for (const Size& size : kSizes) {
      plans.push_back(BenchPlan(plans.size() + 1, size.bytes / sizeof(float),
                                block_elements, /*sums=*/true));
    }
    plans.push_back(BenchPlan(plans.size() + 1, kMlpElements, block_elements,
                              /*sums=*/false));
  }
  return plans;
}

// The kernel's sockets as they are, and with as small a send buffer as is best
// on loopback.
struct SocketAnchor {
  std::string name;
  SocketPair sockets;
};

void AddSocketRows(SocketAnchor* anchor, std::vector<Row>* rows) {
  SocketPair* sockets = &anchor->sockets;
  for (const Size& size : kSizes) {
    const auto bytes = static_cast<double>(size.bytes);
    rows->push_back({absl::StrCat(anchor->name, " push ", size.name),
                     [=](double seconds) {
                       return Repeat(seconds, bytes, sockets->processor(),
                                     [=] { sockets->Push(size.bytes); });
                     },
                     {}});
    rows->push_back({absl::StrCat(anchor->name, " pull ", size.name),
                     [=](double seconds) {
                       return Repeat(seconds, bytes, sockets->processor(),
                                     [=] { sockets->Pull(size.bytes); });
                     },
                     {}});
  }
  rows->push_back(
      {absl::StrCat(anchor->name, " push, 2 streams, 64 MiB"),
       [=](double seconds) { return sockets->PushContinuously(seconds, 2); },
       {}});
  rows->push_back(
      {absl::StrCat(anchor->name, " pull, 2 streams, 64 MiB"),
       [=](double seconds) { return sockets->PullContinuously(seconds, 2); },
       {}});
}

constexpr const char* kSocket = "socket";
constexpr const char* kSmallSocket = "socket, 128 KiB buffer,";

std::vector<std::vector<std::string>> AnchorsOf(const char* what,
                                                const Size& size) {
  std::vector<std::vector<std::string>> anchors;
  for (const char* name : {kSocket, kSmallSocket}) {
    anchors.push_back(
        {absl::StrCat(name, " ", what, " ", size.name),
         absl::StrCat(name, " ", what, ", 2 streams, ", size.name)});
  }
  return anchors;
}

void AddCarrierRows(const MeasuredCarrier& carrier, const Plan* plans,
                    BenchServer* server, std::vector<Row>* rows) {
  for (const Size& size : kSizes) {
    auto exchange = std::make_shared<Exchange>(*plans++, carrier, server);
    if (carrier.has_one && !exchange->HasTwoChannels()) continue;
    rows->push_back(
        {absl::StrCat(carrier.name, " push ", size.name),
         [exchange](double seconds) { return exchange->Pushes(seconds); },
         AnchorsOf("push", size)});
    rows->push_back(
        {absl::StrCat(carrier.name, " pull ", size.name),
         [exchange](double seconds) { return exchange->Pulls(seconds); },
         AnchorsOf("pull", size)});
  }
  if (carrier.has_one) return;
  auto exchange = std::make_shared<Exchange>(*plans++, carrier, server);
  rows->push_back(
      {absl::StrCat(carrier.name, " step 407 KB"),
       [exchange](double seconds) { return exchange->Steps(seconds); },
       {}});
}

struct Flags {
  int rounds = 7;
  double seconds = 0.3;
  uint64_t block_elements = kDefaultBlockElements;
  std::string only;
};

void MeasureAll(const Flags& flags) {
  FLAGS_minloglevel = google::WARNING;  // not each connection
  SocketAnchor anchors[] = {{kSocket, SocketPair(2, 0)},
                            {kSmallSocket, SocketPair(2, 128 << 10)}};
  const std::vector<Plan> plans = Plans(kCarriers.size(), flags.block_elements);
  BenchServer server(plans);
  std::vector<Row> rows;
  for (SocketAnchor& anchor : anchors) AddSocketRows(&anchor, &rows);
  const size_t plans_of_carrier = plans.size() / kCarriers.size();
  for (size_t i = 0; i < kCarriers.size(); ++i) {
    AddCarrierRows(kCarriers[i], &plans[i * plans_of_carrier], &server, &rows);
  }
  const auto block = static_cast<int64_t>(flags.block_elements);
  for (Row& row : MemoryRows(block)) rows.push_back(std::move(row));
  std::erase_if(rows, [&](const Row& row) {
    return !absl::StrContains(row.name, flags.only);
  });
  Measure(&rows, flags.rounds, flags.seconds);
  PrintTable(rows);
}

}  // namespace
}  // namespace hawser

int main(int argc, char** argv) {
  hawser::LimitThreadCaches(argv);
  hawser::SetUpDaemon(argv[0]);
  hawser::Flags flags;
  CLI::App app("The data plane and the server beside the machine's limits.");
  app.add_option("--rounds", flags.rounds, "times that every row is measured")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--seconds", flags.seconds, "of each row in each round")
      ->check(CLI::Range(0.01, 60.0))
      ->capture_default_str();
  app.add_option("--block-elements", flags.block_elements,
                 "floats of a block, and so of a message")
      ->check(CLI::Range(1024, 1 << 20))
      ->capture_default_str();
  app.add_option("--only", flags.only, "only rows whose name contains this");
  CLI11_PARSE(app, argc, argv);
  hawser::MeasureAll(flags);
  return 0;
}
