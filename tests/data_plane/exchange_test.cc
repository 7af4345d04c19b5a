// The data plane end to end, over every carrier: the client's channels and the
// server's streams, with what a network and a hostile peer can send.
#include <thread>
#include <tuple>
#include <vector>

#include "client/data_plane/parameter_client.h"
#include "common/crc32c.h"
#include "common/job/initial_values.h"
#include "common/wire/local_stream.h"
#include "gtest/gtest.h"
#include "server/grpc_norm_carrier.h"
#include "server/server_driver.h"
#include "server/shard_handler.h"
#include "server/shard_test_support.h"
#include "tests/data_plane/carriers.h"

namespace hawser {
namespace {

// One server process's worth, and the reports it makes.
class TestServer {
 public:
  explicit TestServer(Carrier carrier)
      : driver_(&norms_, testing::TempDir(), &clock_, RealThreads(),
                /*data_root=*/"", carrier == Carrier::kSharedMemory),
        end_(std::make_unique<CarrierServer>(carrier, &driver_, &intake_)),
        // Norms go by gRPC.
        norm_end_(carrier == Carrier::kTcp
                      ? nullptr
                      : std::make_unique<CarrierServer>(Carrier::kTcp, &driver_,
                                                        &intake_)) {
    driver_.Start([this](ReportRequest report) {
      absl::MutexLock lock(&mutex_);
      reports_.push_back(std::move(report));
    });
  }
  ~TestServer() {
    end_.reset();
    norm_end_.reset();
    driver_.Stop();
  }

  // Where other servers reach it.
  const std::string& address() const {
    return norm_end_ == nullptr ? end_->address() : norm_end_->address();
  }
  std::unique_ptr<ParameterChannel> Connect(const SharedMemory* memory) {
    return end_->Connect(memory);
  }

  void Follow(uint64_t node, const std::vector<Plan>& plans) {
    Orders orders;
    for (const Plan& plan : plans) *orders.add_plans() = plan;
    driver_.Follow(node, orders);
  }

  void AwaitReport(const std::function<bool(const ReportRequest&)>& wanted) {
    absl::MutexLock lock(&mutex_);
    const auto there = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return std::any_of(reports_.begin(), reports_.end(), wanted);
    };
    EXPECT_TRUE(
        mutex_.AwaitWithTimeout(absl::Condition(&there), absl::Seconds(20)));
  }

 private:
  GrpcNormCarrier norms_;
  const RealClock clock_;
  ServerDriver driver_;
  Intake intake_{ShardHandlers(&driver_)};
  std::unique_ptr<CarrierServer> end_;
  std::unique_ptr<CarrierServer> norm_end_;
  absl::Mutex mutex_;
  std::vector<ReportRequest> reports_ ABSL_GUARDED_BY(mutex_);
};

// A channel of which a server with two blocks has two, however small they are.
class ChannelOfTwo : public ParameterChannel {
 public:
  explicit ChannelOfTwo(std::unique_ptr<ParameterChannel> channel)
      : channel_(std::move(channel)) {}
  absl::StatusOr<uint64_t> GetProgress(uint64_t job,
                                       uint64_t incarnation) override {
    return channel_->GetProgress(job, incarnation);
  }
  absl::Status Send(const FrameHeader& header,
                    absl::Span<const char> payload) override {
    return channel_->Send(header, payload);
  }
  absl::Status Receive(
      absl::FunctionRef<absl::Status(const FrameHeader&, PayloadPieces)> use)
      override {
    return channel_->Receive(use);
  }
  bool NeedsChecksum(absl::Span<const char> payload) const override {
    return channel_->NeedsChecksum(payload);
  }
  uint64_t BytesForTwo() const override { return 0; }
  void Cancel() override { channel_->Cancel(); }

 private:
  const std::unique_ptr<ParameterChannel> channel_;
};

// By one channel a server, or by two.
class ExchangeTest
    : public testing::TestWithParam<std::tuple<Carrier, bool /*two*/>> {
 protected:
  static Carrier carrier() { return std::get<0>(GetParam()); }
  static bool two() { return std::get<1>(GetParam()); }
  void Start(int servers, uint32_t micro_batches, double clip) {
    plan_ = SmallPlan(static_cast<uint32_t>(servers), micro_batches, 50);
    plan_.mutable_spec()->mutable_optimizer()->set_clip_global_norm(clip);
    for (int i = 0; i < servers; ++i) {
      servers_.push_back(std::make_unique<TestServer>(carrier()));
      plan_.mutable_servers(i)->set_address(servers_.back()->address());
    }
    Announce();
  }
  void Announce() {
    for (int i = 0; i < plan_.servers_size(); ++i) {
      TestServer& server = *servers_[static_cast<size_t>(i)];
      server.Follow(plan_.servers(i).node(), {plan_});
      server.AwaitReport([this](const ReportRequest& report) {
        return report.has_server_ready() &&
               report.incarnation() == plan_.incarnation();
      });
    }
  }
  ChannelFactory Channels() {
    return [this](const ServerEndpoint& server) {
      auto channel =
          servers_[server.node() - plan_.servers(0).node()]->Connect(&memory_);
      if (!two()) return channel;
      std::unique_ptr<ParameterChannel> of_two =
          std::make_unique<ChannelOfTwo>(std::move(channel));
      return of_two;
    };
  }
  std::unique_ptr<ParameterClient> Client() {
    return std::make_unique<ParameterClient>(plan_, 7, Channels(),
                                             RealThreads());
  }
  std::vector<float> Gradient(uint64_t step, uint32_t m) const {
    std::vector<float> gradient(plan_.parameters());
    for (size_t i = 0; i < gradient.size(); ++i) {
      gradient[i] = static_cast<float>((i * 7 + step * 13 + m * 31) % 19) - 9;
    }
    return gradient;
  }

  SharedMemory memory_;
  Plan plan_;
  std::vector<std::unique_ptr<TestServer>> servers_;
};

INSTANTIATE_TEST_SUITE_P(, ExchangeTest,
                         testing::Combine(testing::ValuesIn(kAllCarriers),
                                          testing::Bool()),
                         [](const auto& info) {
                           return CarrierName(std::get<0>(info.param)) +
                                  (std::get<1>(info.param) ? "Twice" : "");
                         });

// Trains 20 steps with so many workers and returns the parameters. Gradients
// lie in shared memory and elsewhere, in turn.
std::vector<float> Train(
    const ChannelFactory& channels, SharedMemory* memory, const Plan& plan,
    const std::vector<std::pair<uint32_t, uint32_t>>& work,
    const std::function<std::vector<float>(uint64_t, uint32_t)>& gradient_of) {
  constexpr uint64_t kSteps = 20;
  std::vector<float> result;
  std::vector<std::thread> workers;
  for (size_t w = 0; w < work.size(); ++w) {
    workers.emplace_back([&, w] {
      ParameterClient client(plan, 7 + w, channels, RealThreads());
      std::vector<float> theta(plan.parameters());
      for (uint64_t step = 0;; ++step) {
        ASSERT_TRUE(client.Pull(step, theta.data()).ok());
        if (step == kSteps) break;
        std::vector<SharedMemory::Floats> kept;
        for (uint32_t m = work[w].first; m < work[w].second; ++m) {
          const std::vector<float> gradient = gradient_of(step, m);
          const auto n = static_cast<int64_t>(gradient.size());
          kept.push_back(m % 2 == 0 ? memory->Allocate(n)
                                    : SharedMemory::Ordinary(n));
          std::copy(gradient.begin(), gradient.end(), kept.back().data);
          client.Push({.step = step,
                       .tree_node = {0, m},
                       .gradient = kept.back().data});
        }
        // Borrowed until the answer.
        ASSERT_TRUE(client.Pull(step + 1, theta.data()).ok());
      }
      if (w == 0) result = theta;
    });
  }
  for (std::thread& worker : workers) worker.join();
  return result;
}

TEST_P(ExchangeTest, AnyNumberOfWorkersEndsWithTheSameBits) {
  // Over any carrier, too.
  static std::vector<float> first;
  const std::vector<std::vector<std::pair<uint32_t, uint32_t>>> assignments = {
      {{0, 4}}, {{0, 2}, {2, 4}}, {{0, 1}, {1, 2}, {2, 3}, {3, 4}}};
  for (const auto& work : assignments) {
    for (const int servers : {1, 2}) {
      servers_.clear();
      Start(servers, 4, 2.0);
      const std::vector<float> theta = Train(
          Channels(), &memory_, plan_, work,
          [this](uint64_t step, uint32_t m) { return Gradient(step, m); });
      if (first.empty()) first = theta;
      EXPECT_EQ(theta, first)
          << work.size() << " workers, " << servers << " servers";
    }
  }
}

// As a worker does: the next version of each layer comes as it is made, to
// where the last one was.
TEST_P(ExchangeTest, LayerByLayerEndsWithTheSameBits) {
  constexpr uint64_t kSteps = 20;
  for (const int servers : {1, 2}) {
    servers_.clear();
    Start(servers, 4, 2.0);
    const std::vector<float> expected =
        Train(Channels(), &memory_, plan_, {{0, 4}},
              [this](uint64_t step, uint32_t m) { return Gradient(step, m); });
    servers_.clear();
    Start(servers, 4, 2.0);
    const auto client = Client();
    std::vector<float> theta(plan_.parameters());
    const auto layers = static_cast<uint32_t>(plan_.layers_size());
    std::vector<float> gradients[4];
    client->StartPull(0, theta.data());
    for (uint64_t step = 0; step < kSteps; ++step) {
      for (uint32_t layer = 0; layer < layers; ++layer) {
        ASSERT_TRUE(client->AwaitLayer(layer).ok());
      }
      for (uint32_t m = 0; m < 4; ++m) gradients[m] = Gradient(step, m);
      for (uint32_t layer = layers; layer-- > 0;) {
        for (uint32_t m = 0; m < 4; ++m) {
          client->PushLayer(layer, {.step = step,
                                    .tree_node = {0, m},
                                    .gradient = gradients[m].data(),
                                    .pull_next = m == 3});
        }
      }
    }
    ASSERT_TRUE(client->AwaitLayers().ok());
    EXPECT_EQ(theta, expected) << servers << " servers";
    // A pull of what is there, and a push that asks for it again.
    client->Push({.step = kSteps - 1,
                  .tree_node = {0, 3},
                  .gradient = gradients[3].data(),
                  .want_acks = true,
                  .pull_next = true});
    ASSERT_TRUE(client->AwaitAcks().ok());
    ASSERT_TRUE(client->AwaitLayers().ok());
    EXPECT_EQ(theta, expected);
  }
}

TEST_P(ExchangeTest, AStaleWorkerIsRefusedAndOneCanBeCancelled) {
  Start(1, 1, 0);
  const auto old = Client();
  std::vector<float> theta(plan_.parameters());
  ASSERT_TRUE(old->Pull(0, theta.data()).ok());
  // A pull that waits is refused when the incarnation changes under it.
  std::thread changer;
  {
    changer = std::thread([this] {
      plan_.set_incarnation(plan_.incarnation() + 1);
      Announce();
    });
    EXPECT_EQ(old->Pull(1, theta.data()).code(),
              absl::StatusCode::kFailedPrecondition);
  }
  changer.join();
  EXPECT_FALSE(old->CurrentStep().ok());

  const auto waiting = Client();
  EXPECT_EQ(*waiting->CurrentStep(), 0u);
  ASSERT_TRUE(waiting->Pull(0, theta.data()).ok());
  std::thread canceller([&] { waiting->Cancel(); });
  EXPECT_EQ(waiting->Pull(1, theta.data()).code(),
            absl::StatusCode::kCancelled);
  canceller.join();
}

TEST_P(ExchangeTest, AJobThatIsNotHereAndOneThatIsOver) {
  Start(1, 1, 0);
  Plan other = plan_;
  other.set_job(77);
  ParameterClient client(other, 7, Channels(), RealThreads());
  std::vector<float> theta(plan_.parameters());
  EXPECT_EQ(client.Pull(0, theta.data()).code(), absl::StatusCode::kNotFound);
  const auto mine = Client();
  ASSERT_TRUE(mine->Pull(0, theta.data()).ok());
  std::thread dropper([this] { servers_[0]->Follow(100, {}); });
  EXPECT_FALSE(mine->Pull(1, theta.data()).ok());
  dropper.join();
}

TEST_P(ExchangeTest, ADamagedFrameCutsTheStreamAndChangesNothing) {
  Start(1, 1, 0);
  if (carrier() == Carrier::kInProcess) return;  // nothing is checksummed
  const auto channel = servers_[0]->Connect(&memory_);
  const std::vector<float> gradient = Gradient(0, 0);
  const Block& block = plan_.blocks(0);
  FrameHeader header = PushHeader(plan_, block, 0, {0, 0});
  header.payload_crc32c = 12345;  // not what is sent
  ASSERT_TRUE(
      channel
          ->Send(header, {reinterpret_cast<const char*>(gradient.data()),
                          header.payload_bytes})
          .ok());
  const absl::Status status = channel->Receive(
      [](const FrameHeader&, PayloadPieces) { return absl::OkStatus(); });
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  std::vector<float> theta(plan_.parameters());
  const auto client = Client();
  ASSERT_TRUE(client->Pull(0, theta.data()).ok());
  std::vector<float> expected(plan_.parameters());
  for (const Block& each : plan_.blocks()) {
    FillBlock(plan_, each, expected.data() + each.offset());
  }
  EXPECT_EQ(theta, expected);
  EXPECT_EQ(*client->CurrentStep(), 0u);
}

TEST_P(ExchangeTest, TrafficIsEveryFrameInBothDirections) {
  Start(2, 1, 0);
  const auto client = Client();
  std::vector<float> theta(plan_.parameters());
  ASSERT_TRUE(client->Pull(0, theta.data()).ok());
  const std::vector<float> gradient = Gradient(0, 0);
  client->Push({.gradient = gradient.data(), .want_acks = true});
  ASSERT_TRUE(client->AwaitAcks().ok());
  const auto blocks = static_cast<uint64_t>(plan_.blocks_size());
  const uint64_t every_block =
      blocks * kFrameHeaderBytes + plan_.parameters() * sizeof(float);
  // A pull of all of a server's blocks, or of each.
  const uint64_t pulls = two() ? blocks : 2;
  EXPECT_EQ(client->traffic().sent_bytes,
            pulls * kFrameHeaderBytes + every_block);
  EXPECT_EQ(client->traffic().received_bytes,
            every_block + blocks * kFrameHeaderBytes);
}

TEST_P(ExchangeTest, NobodyThere) {
  if (carrier() == Carrier::kInProcess) return;  // it is there or it is not
  std::string address;
  {
    GrpcNormCarrier norms;
    const RealClock clock;
    ServerDriver driver(&norms, testing::TempDir(), &clock, RealThreads());
    Intake intake(ShardHandlers(&driver));
    address = CarrierServer(carrier(), &driver, &intake).address();
  }
  if (carrier() == Carrier::kSharedMemory) {
    EXPECT_EQ(
        ConnectLocal(address.substr(address.find('|') + 1)).status().code(),
        absl::StatusCode::kUnavailable);
    return;
  }
  EXPECT_EQ(ConnectByCarrier(carrier(), address, nullptr)
                ->GetProgress(1, 1)
                .status()
                .code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace hawser
