// What every carrier of the data plane promises, tested over all of them alike.
#include <future>
#include <random>
#include <thread>

#include "common/crc32c.h"
#include "gtest/gtest.h"
#include "server/grpc_norm_carrier.h"
#include "tests/data_plane/carriers.h"
#include "tests/data_plane/echo_handler.h"

namespace hawser {
namespace {

constexpr absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;

absl::Span<const char> Bytes(const SharedMemory::Floats& floats, size_t bytes) {
  return {reinterpret_cast<const char*>(floats.data), bytes};
}

class CarrierTest : public testing::TestWithParam<Carrier> {
 protected:
  void Start(const Intake::Limits& limits = Intake::Limits()) {
    intake_ = std::make_unique<Intake>(
        [this] { return std::make_unique<EchoHandler>(&server_memory_); },
        limits);
    driver_ = std::make_unique<ServerDriver>(&norms_, testing::TempDir(),
                                             &clock_, RealThreads());
    server_ = std::make_unique<CarrierServer>(GetParam(), driver_.get(),
                                              intake_.get());
  }
  void TearDown() override { server_.reset(); }

  std::unique_ptr<ParameterChannel> Connect() {
    return server_->Connect(&memory_);
  }

  static absl::Status Send(ParameterChannel* channel, EchoTask task,
                           uint64_t clock, absl::Span<const char> payload,
                           uint32_t run = 0) {
    FrameHeader header;
    header.kind = FrameKind::kPush;
    header.block = static_cast<uint32_t>(task);
    header.clock = clock;
    header.run = run;
    header.payload_bytes = static_cast<uint32_t>(payload.size());
    if (channel->NeedsChecksum(payload)) {
      header.payload_crc32c = Crc32c(payload.data(), payload.size());
    }
    return channel->Send(header, payload);
  }

  // Receives one frame and checks that it is this one.
  static void Expect(ParameterChannel* channel, FrameKind kind, uint64_t clock,
                     absl::Span<const char> payload) {
    const absl::Status status =
        channel->Receive([&](const FrameHeader& header, PayloadPieces pieces) {
          EXPECT_EQ(header.kind, kind);
          EXPECT_EQ(header.clock, clock);
          EXPECT_EQ(header.payload_bytes, payload.size());
          std::string got;
          for (const absl::Span<const char> piece : pieces) {
            got.append(piece.data(), piece.size());
          }
          EXPECT_TRUE(got == absl::string_view(payload.data(), payload.size()))
              << "clock " << clock;
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok()) << status;
  }
  static absl::Status ReceiveAny(ParameterChannel* channel) {
    return channel->Receive(
        [](const FrameHeader&, PayloadPieces) { return absl::OkStatus(); });
  }

  GrpcNormCarrier norms_;
  const RealClock clock_;
  SharedMemory server_memory_;
  SharedMemory memory_;  // the client's
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<ServerDriver> driver_;
  std::unique_ptr<CarrierServer> server_;
};

INSTANTIATE_TEST_SUITE_P(, CarrierTest, testing::ValuesIn(kAllCarriers),
                         [](const auto& info) {
                           return CarrierName(info.param);
                         });

TEST_P(CarrierTest, FramesComeInOrderWhateverTheirPayload) {
  Start();
  const auto channel = Connect();
  const SharedMemory::Floats shared = memory_.Allocate(1 << 20);
  std::string ordinary(kMaxPayloadBytes, '\0');
  std::minstd_rand random(5);
  for (size_t i = 0; i < ordinary.size(); ++i) {
    ordinary[i] = static_cast<char>(random() >> 8);
    reinterpret_cast<char*>(shared.data)[i] = static_cast<char>(random() >> 8);
  }
  // From both kinds of memory, at odd places, nothing to the largest.
  const absl::Span<const char> there = Bytes(shared, kMaxPayloadBytes);
  const absl::Span<const char> here(ordinary);
  const std::vector<absl::Span<const char>> payloads = {there.subspan(0, 4),
                                                        here.subspan(0, 4),
                                                        {},
                                                        there.subspan(3, 5),
                                                        there.subspan(1, 40001),
                                                        here.subspan(7, 20003),
                                                        there,
                                                        here,
                                                        there.subspan(1 << 20)};
  std::thread sender([&] {
    for (size_t i = 0; i < payloads.size(); ++i) {
      EXPECT_TRUE(Send(channel.get(), EchoTask::kEcho, i, payloads[i]).ok());
    }
  });
  for (size_t i = 0; i < payloads.size(); ++i) {
    Expect(channel.get(), FrameKind::kBlock, i, payloads[i]);
  }
  sender.join();
  EXPECT_EQ(intake_->damaged_frames(), 0);
  EXPECT_EQ(intake_->streams(), 1);
}

TEST_P(CarrierTest, PayloadsAreTheSameWhereverTheyAreWanted) {
  Start();
  const auto channel = Connect();
  std::string payload(100'000, '\0');
  for (size_t i = 0; i < payload.size(); ++i) {
    payload[i] = static_cast<char>(i * 31 + i / 253);
  }
  std::string place(payload.size(), '\0');
  channel->PlacePayloads([&](const FrameHeader& header) {
    return header.clock % 2 == 0 ? place.data() : nullptr;
  });
  const absl::Span<const char> bytes(payload);
  for (uint64_t clock = 0; clock < 4; ++clock) {
    std::fill(place.begin(), place.end(), '\0');
    EXPECT_TRUE(Send(channel.get(), EchoTask::kEcho, clock, bytes).ok());
    Expect(channel.get(), FrameKind::kBlock, clock, bytes);
    if (GetParam() == Carrier::kDirect) {
      EXPECT_EQ(place == payload, clock % 2 == 0);  // without a copy
    }
  }
}

TEST_P(CarrierTest, ManySmallFramesBothWaysAtOnce) {
  Start();
  const auto channel = Connect();
  constexpr uint64_t kFrames = 3000;
  const SharedMemory::Floats shared = memory_.Allocate(kFrames);
  std::thread sender([&] {
    for (uint64_t i = 0; i < kFrames; ++i) {
      shared.data[i] = static_cast<float>(i);
      const auto payload = Bytes(shared, 4 * kFrames).subspan(4 * i, 4);
      EXPECT_TRUE(Send(channel.get(), EchoTask::kEcho, i, payload).ok());
    }
  });
  for (uint64_t i = 0; i < kFrames; ++i) {
    const auto expected = static_cast<float>(i);
    Expect(channel.get(), FrameKind::kBlock, i,
           {reinterpret_cast<const char*>(&expected), 4});
  }
  sender.join();
}

// By shared memory it is copied: its checksum is made there.
TEST_P(CarrierTest, APackedPayloadMayLieAnywhere) {
  Start();
  const auto channel = Connect();
  const SharedMemory::Floats shared = memory_.Allocate(100);
  const auto payload = Bytes(shared, 77);
  FrameHeader header;
  header.codec = static_cast<CodecId>(1);
  header.payload_bytes = 77;
  if (channel->NeedsChecksum(payload)) {
    header.payload_crc32c = Crc32c(payload.data(), payload.size());
  }
  ASSERT_TRUE(channel->Send(header, payload).ok());
  Expect(channel.get(), FrameKind::kBlock, 0, payload);
}

TEST_P(CarrierTest, ARefusalIsAFrame) {
  Start();
  const auto channel = Connect();
  ASSERT_TRUE(Send(channel.get(), EchoTask::kRefuse, 12, {}).ok());
  Expect(channel.get(), FrameKind::kError, 12, absl::string_view("no 12"));
}

TEST_P(CarrierTest, AnErrorOfTheUserIsPassedOnAndTheStreamGoesOn) {
  Start();
  const auto channel = Connect();
  ASSERT_TRUE(Send(channel.get(), EchoTask::kEcho, 1, {}).ok());
  ASSERT_TRUE(Send(channel.get(), EchoTask::kEcho, 2, {}).ok());
  EXPECT_EQ(channel
                ->Receive([](const FrameHeader&, PayloadPieces) {
                  return absl::AbortedError("mine");
                })
                .code(),
            absl::StatusCode::kAborted);
  Expect(channel.get(), FrameKind::kBlock, 2, {});
}

TEST_P(CarrierTest, CancelWakesWhoeverReceives) {
  Start();
  const auto channel = Connect();
  ASSERT_TRUE(Send(channel.get(), EchoTask::kEcho, 1, {}).ok());
  Expect(channel.get(), FrameKind::kBlock, 1, {});
  auto waiting =
      std::async(std::launch::async, [&] { return ReceiveAny(channel.get()); });
  channel->Cancel();
  EXPECT_EQ(waiting.get().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(ReceiveAny(channel.get()).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(Send(channel.get(), EchoTask::kEcho, 1, {}).code(),
            absl::StatusCode::kCancelled);
}

TEST_P(CarrierTest, CancelBeforeTheFirstFrame) {
  Start();
  const auto channel = Connect();
  channel->Cancel();
  EXPECT_EQ(ReceiveAny(channel.get()).code(), absl::StatusCode::kCancelled);
}

TEST_P(CarrierTest, AServerThatStopsIsUnavailable) {
  if (GetParam() == Carrier::kInProcess) return;  // it outlives its channels
  Start();
  const auto channel = Connect();
  ASSERT_TRUE(Send(channel.get(), EchoTask::kEcho, 1, {}).ok());
  Expect(channel.get(), FrameKind::kBlock, 1, {});
  server_.reset();
  const absl::StatusCode code = ReceiveAny(channel.get()).code();
  // gRPC says that the server cancelled the call.
  EXPECT_TRUE(code == kUnavailable || code == absl::StatusCode::kCancelled);
  EXPECT_FALSE(Send(channel.get(), EchoTask::kEcho, 1, {}).ok());
}

TEST_P(CarrierTest, ADamagedPayloadCutsTheStreamAndIsCounted) {
  if (GetParam() == Carrier::kInProcess) return;  // nothing is checksummed
  Start();
  const auto channel = Connect();
  const std::string payload = "payload that is not what the header says";
  FrameHeader header;
  header.block = static_cast<uint32_t>(EchoTask::kEcho);
  header.payload_bytes = static_cast<uint32_t>(payload.size());
  header.payload_crc32c = 1;
  ASSERT_TRUE(channel->Send(header, payload).ok());
  EXPECT_EQ(ReceiveAny(channel.get()).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(intake_->damaged_frames(), 1);
}

TEST_P(CarrierTest, OneWhoAsksAndDoesNotReadIsCutAndItsMemoryComesBack) {
  Intake::Limits limits;
  limits.queued_frames_of_stream = 40;
  Start(limits);
  const auto channel = Connect();
  const auto other = Connect();
  ASSERT_TRUE(Send(channel.get(), EchoTask::kFlood, 1, {}, 60).ok());
  while (intake_->slow_readers() == 0) std::this_thread::yield();
  absl::Status status;
  while (status.ok()) status = ReceiveAny(channel.get());
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  // The others go on.
  ASSERT_TRUE(Send(other.get(), EchoTask::kEcho, 7, {}).ok());
  Expect(other.get(), FrameKind::kBlock, 7, {});
}

TEST_P(CarrierTest, BytesThatWaitAreLimited) {
  Intake::Limits limits;
  limits.queued_bytes_of_stream = 30 << 20;
  Start(limits);
  const auto channel = Connect();
  ASSERT_TRUE(Send(channel.get(), EchoTask::kFlood, 1, {}, 60).ok());
  while (intake_->slow_readers() == 0) std::this_thread::yield();
  absl::Status status;
  while (status.ok()) status = ReceiveAny(channel.get());
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
}

TEST_P(CarrierTest, StreamsAreLimited) {
  Intake::Limits limits;
  limits.streams = 2;
  Start(limits);
  std::vector<std::unique_ptr<ParameterChannel>> channels;
  for (int i = 0; i < 2; ++i) {
    channels.push_back(Connect());
    ASSERT_TRUE(Send(channels.back().get(), EchoTask::kEcho, 1, {}).ok());
    Expect(channels.back().get(), FrameKind::kBlock, 1, {});
  }
  const auto third = Connect();
  EXPECT_EQ(ReceiveAny(third.get()).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(intake_->refused_streams(), 1);
}

}  // namespace
}  // namespace hawser
