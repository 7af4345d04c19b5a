// A peer on a connection of its own that follows no rule: what it sends is
// refused, counted, and leaves nothing behind.
#include <poll.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/crc32c.h"
#include "common/files.h"
#include "common/security/access_guard.h"
#include "common/security/token_table.h"
#include "common/sha256.h"
#include "common/wire/direct_stream.h"
#include "common/wire/socket_pair.h"
#include "gtest/gtest.h"
#include "server/direct_streams.h"
#include "tests/data_plane/descriptors.h"
#include "tests/data_plane/echo_handler.h"

namespace hawser {
namespace {

Intake::Limits LittleMemory() {
  Intake::Limits limits;
  limits.receive_bytes = 3 << 20;
  return limits;
}

FrameHeader Echo(absl::string_view payload) {
  FrameHeader header;
  header.block = static_cast<uint32_t>(EchoTask::kEcho);
  header.payload_bytes = static_cast<uint32_t>(payload.size());
  header.payload_crc32c = Crc32c(payload.data(), payload.size());
  return header;
}

class Peer {
 public:
  explicit Peer(DirectStreams* streams) {
    SocketPair pair;
    socket_ = std::move(pair.here);
    streams->Take(std::move(pair.there));
  }

  void Give(const FrameHeader& header, absl::string_view payload = "") {
    OutgoingDirectFrame frame(EncodeFrameHeader(header), payload);
    for (;;) {
      const auto sent = frame.SendSome(socket_);
      if (!sent.ok() || *sent) return;
      pollfd wait = {socket_.get(), POLLOUT, 0};
      poll(&wait, 1, -1);
    }
  }

  void Open(absl::string_view authorization = "") {
    Give(OpenFrame(authorization), authorization);
  }

  // The next frame of the server's, or how the stream ended.
  absl::StatusOr<FrameKind> Answer() {
    for (;;) {
      const auto there = reader_.Next();
      if (!there.ok()) return there.status();
      if (*there) return reader_.header().kind;
      pollfd wait = {socket_.get(), POLLIN, 0};
      poll(&wait, 1, -1);
    }
  }

  void ExpectOpen() {
    const auto answer = Answer();
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(*answer, FrameKind::kOpen);
  }

  void ExpectCut(absl::StatusCode code) {
    const auto answer = Answer();
    ASSERT_TRUE(answer.ok()) << answer.status();
    ASSERT_EQ(*answer, FrameKind::kEnd);
    const absl::Status why = StatusOfEnd(reader_.header(), reader_.payload());
    EXPECT_EQ(why.code(), code) << why;
    EXPECT_EQ(Answer().status().code(), absl::StatusCode::kUnavailable);
  }

 private:
  FileDescriptor socket_;
  DirectReader reader_{&socket_};
};

class HostileDirectPeerTest : public testing::Test {
 protected:
  Intake intake_{[] { return std::make_unique<EchoHandler>(nullptr); },
                 LittleMemory()};
};

TEST_F(HostileDirectPeerTest, WhoDoesNotOpenIsCut) {
  DirectStreams streams(&intake_, {});
  Peer first(&streams);
  first.Give(Echo("hello"), "hello");
  first.ExpectCut(absl::StatusCode::kDataLoss);
  Peer second(&streams);
  second.Give(EndFrame(absl::OkStatus()));
  second.ExpectCut(absl::StatusCode::kDataLoss);
  EXPECT_EQ(intake_.damaged_frames(), 2);
}

TEST_F(HostileDirectPeerTest, WhoHasNotOpenedGetsNoMemory) {
  DirectStreams streams(&intake_, {});
  Peer peer(&streams);
  peer.Open(std::string(5000, 'x'));
  peer.ExpectCut(absl::StatusCode::kDataLoss);
  EXPECT_EQ(intake_.receive_bytes(), 0);
}

TEST_F(HostileDirectPeerTest, WhoOpensTwiceOrEndsIsCut) {
  DirectStreams streams(&intake_, {});
  Peer first(&streams);
  first.Open();
  first.ExpectOpen();
  first.Open();
  first.ExpectCut(absl::StatusCode::kDataLoss);
  Peer second(&streams);
  second.Open();
  second.ExpectOpen();
  second.Give(EndFrame(absl::OkStatus()));
  second.ExpectCut(absl::StatusCode::kDataLoss);
}

TEST_F(HostileDirectPeerTest, WhoSaysNothingIsCut) {
  DirectStreams streams(&intake_, {.silence = absl::Milliseconds(50)});
  Peer peer(&streams);
  EXPECT_EQ(peer.Answer().status().code(), absl::StatusCode::kUnavailable);
  // But not who has opened.
  Peer quiet(&streams);
  quiet.Open();
  quiet.ExpectOpen();
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  quiet.Give(Echo("still here"), "still here");
  const auto answer = quiet.Answer();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(*answer, FrameKind::kBlock);
}

TEST_F(HostileDirectPeerTest, MemoryToReceiveInIsLimitedAndComesBack) {
  DirectStreams streams(&intake_, {});
  const std::string payload(1 << 20, 'm');
  {
    std::vector<std::unique_ptr<Peer>> peers;
    for (int i = 0; i < 3; ++i) {
      peers.push_back(std::make_unique<Peer>(&streams));
      peers.back()->Open();
      peers.back()->ExpectOpen();
      peers.back()->Give(Echo(payload), payload);
      ASSERT_EQ(*peers.back()->Answer(), FrameKind::kBlock);
    }
    EXPECT_EQ(intake_.receive_bytes(), 3 << 20);
    Peer last(&streams);
    last.Open();
    last.ExpectOpen();
    last.Give(Echo(payload), payload);
    last.ExpectCut(absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(intake_.refused_streams(), 1);
    // Those that have it go on.
    peers[0]->Give(Echo(payload), payload);
    ASSERT_EQ(*peers[0]->Answer(), FrameKind::kBlock);
  }
  while (intake_.receive_bytes() != 0) std::this_thread::yield();
}

TEST_F(HostileDirectPeerTest, WithoutTheTokenOfAMemberThereIsNoStream) {
  const std::string path = testing::TempDir() + "/hostile_direct_peer_test";
  std::string lines;
  for (const std::string role : {"worker", "view"}) {
    Sha256 hash;
    hash.Update(role.data(), role.size());
    absl::StrAppend(&lines, role, " the-", role, " ", hash.Hex(), "\n");
  }
  ASSERT_TRUE(WriteWholeFile(path, lines).ok());
  const auto tokens = TokenTable::Open(path);
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  const AccessGuard guard(tokens->get(), nullptr);
  DirectStreams streams(&intake_, {.guard = &guard});
  for (const auto& [authorization, code] :
       {std::pair("", absl::StatusCode::kUnauthenticated),
        {"Bearer stranger", absl::StatusCode::kUnauthenticated},
        {"Bearer view", absl::StatusCode::kPermissionDenied}}) {
    Peer peer(&streams);
    peer.Open(authorization);
    peer.ExpectCut(code);
  }
  EXPECT_EQ(intake_.refused_streams(), 3);
  EXPECT_EQ(intake_.damaged_frames(), 0);
  Peer worker(&streams);
  worker.Open("Bearer worker");
  worker.ExpectOpen();
}

TEST_F(HostileDirectPeerTest, NothingIsLeftOfAPeerThatGoes) {
  DirectStreams streams(&intake_, {});
  const int before = Descriptors();
  for (int i = 0; i < 20; ++i) {
    Peer peer(&streams);
    if (i % 2 == 0) peer.Open();
  }
  while (intake_.streams() != 0 || Descriptors() != before) {
    std::this_thread::yield();
  }
}

}  // namespace
}  // namespace hawser
