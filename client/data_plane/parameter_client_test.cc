#include "client/data_plane/parameter_client.h"

#include <memory>
#include <utility>
#include <vector>

#include "common/threads.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

constexpr uint64_t kElements = 100;  // of a block
constexpr uint64_t kVersion = 3;

// A server that answers nothing; the test asks where it would be received.
class SilentChannel : public ParameterChannel {
 public:
  explicit SilentChannel(Place* place) : place_(place) {}

  absl::StatusOr<uint64_t> GetProgress(uint64_t, uint64_t) override {
    return uint64_t{0};
  }
  absl::Status Send(const FrameHeader&, absl::Span<const char>) override {
    return absl::OkStatus();
  }
  absl::Status Receive(
      absl::FunctionRef<absl::Status(const FrameHeader&, PayloadPieces)>)
      override {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&cancelled_));
    return absl::CancelledError("cancelled");
  }
  void PlacePayloads(Place place) override { *place_ = std::move(place); }
  void Cancel() override {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
  }

 private:
  Place* const place_;
  absl::Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

// Two servers, a block on each.
Plan TwoBlocks() {
  Plan plan;
  plan.set_job(7);
  plan.set_incarnation(8);
  plan.set_parameters(2 * kElements);
  plan.add_layers();
  for (uint32_t i = 0; i < 2; ++i) {
    plan.add_servers()->set_node(10 + i);
    Block* block = plan.add_blocks();
    block->set_id(i);
    block->set_offset(i * kElements);
    block->set_elements(kElements);
    block->set_server(i);
  }
  return plan;
}

FrameHeader SecondBlock() {
  FrameHeader header;
  header.kind = FrameKind::kBlock;
  header.job = 7;
  header.incarnation = 8;
  header.clock = kVersion;
  header.block = 1;
  header.payload_bytes = kElements * sizeof(float);
  return header;
}

// What a channel may write into the parameters before the client has seen it is
// a block that is awaited, from the server that has it, and nothing beside it.
TEST(ParameterClientTest, OnlyAnAwaitedBlockIsReceivedInItsPlace) {
  std::vector<std::unique_ptr<ParameterChannel::Place>> places;
  ParameterClient client(
      TwoBlocks(), /*node=*/1,
      [&](const ServerEndpoint&) {
        places.push_back(std::make_unique<ParameterChannel::Place>());
        return std::make_unique<SilentChannel>(places.back().get());
      },
      RealThreads());
  ASSERT_EQ(places.size(), 2u);
  const ParameterChannel::Place& other = *places[0];
  const ParameterChannel::Place& place = *places[1];
  EXPECT_EQ(place(SecondBlock()), nullptr) << "nothing is awaited yet";

  std::vector<float> theta(2 * kElements);
  client.StartPull(kVersion, theta.data());
  EXPECT_EQ(place(SecondBlock()),
            reinterpret_cast<char*>(theta.data() + kElements));
  EXPECT_EQ(other(SecondBlock()), nullptr) << "another server's";
  const auto with = [](auto change) {
    FrameHeader header = SecondBlock();
    change(&header);
    return header;
  };
  for (const FrameHeader& wrong : {
           with([](FrameHeader* h) { h->kind = FrameKind::kBlockState; }),
           with([](FrameHeader* h) { h->job = 6; }),
           with([](FrameHeader* h) { h->incarnation = 9; }),
           with([](FrameHeader* h) { h->clock = kVersion + 1; }),
           with([](FrameHeader* h) { h->block = 0; }),
           with([](FrameHeader* h) { h->block = 2; }),
           with([](FrameHeader* h) { h->codec = static_cast<CodecId>(1); }),
           with([](FrameHeader* h) { h->payload_bytes += sizeof(float); }),
           with([](FrameHeader* h) { h->payload_bytes -= sizeof(float); }),
       }) {
    EXPECT_EQ(place(wrong), nullptr)
        << "kind " << static_cast<int>(wrong.kind) << ", job " << wrong.job
        << ", incarnation " << wrong.incarnation << ", clock " << wrong.clock
        << ", block " << wrong.block << ", bytes " << wrong.payload_bytes;
  }
}

}  // namespace
}  // namespace hawser
