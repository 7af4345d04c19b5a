// A worker takes the best carrier that leads to a server.
#include "client/data_plane/carrier_choice.h"

#include <limits>

#include "common/crc32c.h"
#include "gtest/gtest.h"
#include "server/grpc_norm_carrier.h"
#include "tests/data_plane/carriers.h"
#include "tests/data_plane/echo_handler.h"

namespace hawser {
namespace {

TEST(CarrierChoiceTest, AListOfCarriers) {
  const auto all = ParseCarriers("tcp,shared-memory,unix-socket");
  ASSERT_TRUE(all.ok());
  EXPECT_TRUE(all->shared_memory && all->unix_socket && all->tcp);
  const auto one = ParseCarriers("unix-socket");
  ASSERT_TRUE(one.ok());
  EXPECT_FALSE(one->shared_memory || one->tcp || one->direct_tcp);
  EXPECT_TRUE(ParseCarriers("direct-tcp")->direct_tcp);
  for (const char* wrong : {"", "tcp,", "pigeon", "tcp unix-socket"}) {
    EXPECT_EQ(ParseCarriers(wrong).status().code(),
              absl::StatusCode::kInvalidArgument)
        << wrong;
  }
}

class ChoiceTest : public testing::Test {
 protected:
  ChoiceTest() {
    const std::string& both = shared_.address();  // TCP|NAME
    endpoint_.set_address(both.substr(0, both.find('|')));
    endpoint_.mutable_local()->set_shared_memory(
        both.substr(both.find('|') + 1));
    endpoint_.mutable_local()->set_grpc(
        unix_.address().substr(sizeof("unix-abstract:") - 1));
  }

  // Which server a frame comes to shows which carrier it took: what is sent by
  // shared memory needs no checksum, and the counts are of one server each.
  enum class Took { kSharedMemory, kUnixSocket, kDirectTcp, kTcp, kNone };
  Took Take(const Carriers& carriers) {
    options_.carriers = carriers;
    options_.memory = &memory_;
    const auto channel = ChooseCarrier(options_, endpoint_);
    const SharedMemory::Floats floats = memory_.Allocate(1);
    const absl::Span<const char> payload(
        reinterpret_cast<const char*>(floats.data), 4);
    FrameHeader header;
    header.kind = FrameKind::kPush;
    header.block = static_cast<uint32_t>(EchoTask::kRefuse);
    header.payload_bytes = 4;
    header.payload_crc32c = Crc32c(payload.data(), payload.size());
    if (!channel->Send(header, payload).ok()) return Took::kNone;
    const absl::Status status = channel->Receive(
        [](const FrameHeader&, PayloadPieces) { return absl::OkStatus(); });
    if (!status.ok()) return Took::kNone;
    if (!channel->NeedsChecksum(payload)) return Took::kSharedMemory;
    if (unix_intake_.streams() > 0) return Took::kUnixSocket;
    return direct_intake_.receive_bytes() > 0 ? Took::kDirectTcp : Took::kTcp;
  }

  const RealClock clock_;
  GrpcNormCarrier norms_;
  ServerDriver driver_{&norms_, testing::TempDir(), &clock_, RealThreads()};
  Intake intake_{[] { return std::make_unique<EchoHandler>(nullptr); }};
  Intake direct_intake_{[] { return std::make_unique<EchoHandler>(nullptr); }};
  Intake unix_intake_{[] { return std::make_unique<EchoHandler>(nullptr); }};
  CarrierServer shared_{Carrier::kSharedMemory, &driver_, &intake_};
  CarrierServer unix_{Carrier::kUnixSocket, &driver_, &unix_intake_};
  CarrierServer direct_{Carrier::kDirect, &driver_, &direct_intake_};
  SharedMemory memory_;
  ServerEndpoint endpoint_;
  CarrierOptions options_;
};

TEST_F(ChoiceTest, TheBestThatLeadsThere) {
  EXPECT_EQ(Take({}), Took::kSharedMemory);
}

TEST_F(ChoiceTest, WithoutSharedMemoryAUnixSocket) {
  EXPECT_EQ(Take({.shared_memory = false}), Took::kUnixSocket);
}

TEST_F(ChoiceTest, OneThatAnswersNoLongerIsElsewhere) {
  endpoint_.mutable_local()->set_shared_memory("hawser-of-another-host");
  endpoint_.mutable_local()->set_grpc("hawser-of-another-host-either");
  EXPECT_EQ(Take({}), Took::kTcp);
}

TEST_F(ChoiceTest, OneThatOffersNothingElseIsReachedByTcp) {
  endpoint_.clear_local();
  EXPECT_EQ(Take({}), Took::kTcp);
  EXPECT_EQ(Take({.direct_tcp = false, .tcp = false}), Took::kNone);
}

TEST_F(ChoiceTest, FramesHaveAConnectionOfTheirOwnWhereTheServerTakesThem) {
  endpoint_.clear_local();
  EXPECT_EQ(Take({}), Took::kTcp);  // it does not
  endpoint_.set_address(direct_.address());
  EXPECT_EQ(Take({}), Took::kDirectTcp);
  EXPECT_EQ(Take({.tcp = false}), Took::kDirectTcp);
  EXPECT_EQ(Take({.direct_tcp = false}), Took::kTcp);
}

TEST_F(ChoiceTest, MuchGoesByTwoConnectionsUnlessOneIsToDo) {
  constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();
  const ServerEndpoint near = endpoint_;
  ServerEndpoint far = endpoint_;
  far.clear_local();
  for (const ServerEndpoint& server : {near, far}) {
    options_.channels_per_server = 2;
    EXPECT_EQ(ChooseCarrier(options_, server)->BytesForTwo(), 8u << 20);
    options_.channels_per_server = 1;
    EXPECT_EQ(ChooseCarrier(options_, server)->BytesForTwo(), kNever);
  }
}

TEST_F(ChoiceTest, OneOfTheSameProcessIsReachedThere) {
  CarrierServer here(Carrier::kInProcess, &driver_, &intake_);
  int asked = 0;
  options_.in_process = [&](const ServerEndpoint& server) {
    EXPECT_EQ(server.address(), endpoint_.address());
    return ++asked == 1 ? here.Connect(nullptr) : nullptr;
  };
  const auto first = ChooseCarrier(options_, endpoint_);
  const std::string anything = "anything";
  EXPECT_FALSE(first->NeedsChecksum(anything));
  EXPECT_EQ(Take({}), Took::kSharedMemory);
  EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace hawser
