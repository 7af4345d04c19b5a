#include "common/wire/direct_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <string>
#include <tuple>
#include <vector>

#include "common/crc32c.h"
#include "common/wire/socket_pair.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

FrameHeader Push(uint64_t clock, absl::string_view payload) {
  FrameHeader header;
  header.clock = clock;
  header.payload_bytes = static_cast<uint32_t>(payload.size());
  header.payload_crc32c = Crc32c(payload.data(), payload.size());
  return header;
}

std::string Bytes(uint64_t clock, absl::string_view payload) {
  const FrameHeaderBytes header = EncodeFrameHeader(Push(clock, payload));
  std::string bytes(header.begin(), header.end());
  bytes.append(payload.begin(), payload.end());
  return bytes;
}

std::string Payload(const DirectReader& reader) {
  return std::string(reader.payload().data(), reader.payload().size());
}

// Sizes that fit the reader's buffer, fill it, and pass by it.
std::vector<std::string> Payloads() {
  std::vector<std::string> payloads = {""};
  for (const size_t bytes :
       {1, 100, 16384 - 112, 16384, 16385, 100000, 700000}) {
    std::string payload(bytes, '\0');
    for (size_t i = 0; i < bytes; ++i) {
      payload[i] = static_cast<char>(i * 7 + i / 251 + bytes);
    }
    payloads.push_back(std::move(payload));
  }
  payloads.emplace_back("");
  return payloads;
}

// Cut into pieces of so many bytes on their way: the same frames come out.
class CutTest : public testing::TestWithParam<size_t> {};

TEST_P(CutTest, FramesComeOutHoweverTheyAreCut) {
  SocketPair pair;
  const std::vector<std::string> payloads = Payloads();
  std::string all;
  for (size_t i = 0; i < payloads.size(); ++i) all += Bytes(i, payloads[i]);
  DirectReader reader(&pair.there);
  size_t next = 0;
  for (size_t sent = 0; sent < all.size();) {
    const ssize_t now =
        send(pair.here.get(), all.data() + sent,
             std::min(GetParam(), all.size() - sent), MSG_DONTWAIT);
    if (now > 0) sent += static_cast<size_t>(now);
    for (;;) {
      const auto there = reader.Next();
      ASSERT_TRUE(there.ok()) << there.status();
      if (!*there) break;
      ASSERT_LT(next, payloads.size());
      EXPECT_EQ(reader.header().clock, next);
      EXPECT_EQ(Payload(reader), payloads[next]);
      ++next;
    }
  }
  EXPECT_EQ(next, payloads.size());
}

INSTANTIATE_TEST_SUITE_P(Pieces, CutTest,
                         testing::Values(37, 112, 4096, 65536, 1 << 20));

TEST(DirectStreamTest, ADamagedByteAnywhereIsFound) {
  const std::string whole = Bytes(5, "what was sent");
  for (size_t i = 0; i < whole.size(); ++i) {
    SocketPair pair;
    std::string damaged = whole;
    damaged[i] ^= 0x10;
    ASSERT_EQ(send(pair.here.get(), damaged.data(), damaged.size(), 0),
              static_cast<ssize_t>(damaged.size()));
    pair.here = FileDescriptor();
    DirectReader reader(&pair.there);
    EXPECT_EQ(reader.Next().status().code(), absl::StatusCode::kDataLoss) << i;
  }
}

TEST(DirectStreamTest, AnEndInTheMiddleIsTheEnd) {
  const std::string whole = Bytes(5, "what was sent");
  for (const size_t sent : {size_t{0}, size_t{50}, whole.size() - 1}) {
    SocketPair pair;
    ASSERT_EQ(send(pair.here.get(), whole.data(), sent, 0),
              static_cast<ssize_t>(sent));
    pair.here = FileDescriptor();
    DirectReader reader(&pair.there);
    EXPECT_EQ(reader.Next().status().code(), absl::StatusCode::kUnavailable);
  }
}

TEST(DirectStreamTest, APayloadIsReceivedWhereItIsWanted) {
  const std::string wanted(70000, 'w');
  const std::string other(50000, 'o');
  std::string place(wanted.size(), '\0');
  SocketPair pair;
  DirectReader reader(&pair.there);
  reader.PlacePayloads([&](const FrameHeader& header) {
    return header.clock == 1 ? place.data() : nullptr;
  });
  for (const uint64_t clock : {1, 2, 1}) {
    const std::string& payload = clock == 1 ? wanted : other;
    std::fill(place.begin(), place.end(), '\0');
    const std::string frame = Bytes(clock, payload);
    ASSERT_EQ(send(pair.here.get(), frame.data(), frame.size(), 0),
              static_cast<ssize_t>(frame.size()));
    const auto there = reader.Next();
    ASSERT_TRUE(there.ok() && *there) << there.status();
    EXPECT_EQ(Payload(reader), payload);
    EXPECT_EQ(reader.payload().data() == place.data(), clock == 1);
    EXPECT_EQ(place == wanted, clock == 1);
  }
}

// Two sockets that are connected by TCP on loopback.
SocketPair TcpPair() {
  SocketPair pair;
  const FileDescriptor listener(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const name = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(bind(listener.get(), name, size), 0);
  EXPECT_EQ(listen(listener.get(), 1), 0);
  EXPECT_EQ(getsockname(listener.get(), name, &size), 0);
  pair.here = FileDescriptor(::socket(AF_INET, SOCK_STREAM, 0));
  EXPECT_EQ(connect(pair.here.get(), name, size), 0);
  pair.there =
      FileDescriptor(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK));
  EXPECT_TRUE(pair.there.valid());
  return pair;
}

bool IsWoken(const FileDescriptor& socket, int patience_ms) {
  pollfd wait = {socket.get(), POLLIN, 0};
  return poll(&wait, 1, patience_ms) == 1;
}

TEST(DirectStreamTest, WhoeverWaitsForALongPayloadIsNotWokenForALittleOfIt) {
  constexpr int kPatience = 60'000;  // ms, for a starved machine
  const SocketPair pair = TcpPair();
  DirectReader reader(&pair.there);
  const std::string frame = Bytes(1, std::string(300'000, 'p'));
  size_t sent = 0;
  const auto send_some = [&](size_t bytes) {
    ASSERT_EQ(send(pair.here.get(), frame.data() + sent, bytes, 0),
              static_cast<ssize_t>(bytes));
    sent += bytes;
  };
  const auto read = [&] {
    const auto there = reader.Next();
    EXPECT_TRUE(there.ok()) << there.status();
    return there.ok() && *there;
  };
  EXPECT_FALSE(read());
  send_some(1000);
  EXPECT_TRUE(IsWoken(pair.there, kPatience));  // for the header: at once
  while (!read() && IsWoken(pair.there, 0)) {
  }
  send_some(100'000);
  EXPECT_FALSE(IsWoken(pair.there, 50));
  send_some(120'000);
  EXPECT_TRUE(IsWoken(pair.there, kPatience));
  EXPECT_FALSE(read());
  send_some(frame.size() - sent - 1);
  EXPECT_FALSE(IsWoken(pair.there, 50));
  send_some(1);  // the last byte
  EXPECT_TRUE(IsWoken(pair.there, kPatience));
  EXPECT_TRUE(read());
  // What comes next is seen at once again.
  EXPECT_FALSE(read());
  ASSERT_EQ(send(pair.here.get(), "x", 1, 0), 1);
  EXPECT_TRUE(IsWoken(pair.there, kPatience));
}

TEST(DirectStreamTest, MemoryIsAskedForWhenAPayloadIsLargerThanThoseBefore) {
  SocketPair pair;
  size_t taken = 0;
  DirectReader reader(&pair.there, [&](size_t bytes) {
    if (taken + bytes > 4096) return absl::ResourceExhaustedError("enough");
    taken += bytes;
    return absl::OkStatus();
  });
  for (const size_t bytes : {1000, 10, 1024, 3000}) {
    const std::string frame = Bytes(1, std::string(bytes, 'x'));
    ASSERT_GT(send(pair.here.get(), frame.data(), frame.size(), 0), 0);
    const auto there = reader.Next();
    ASSERT_TRUE(there.ok() && *there);
    EXPECT_EQ(reader.payload().size(), bytes);
    EXPECT_EQ(taken, bytes == 3000 ? 4096 : 1024);
  }
  const std::string frame = Bytes(1, std::string(5000, 'x'));
  ASSERT_GT(send(pair.here.get(), frame.data(), frame.size(), 0), 0);
  EXPECT_EQ(reader.Next().status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(DirectStreamTest, WhatASocketDoesNotTakeAtOnceLeavesLater) {
  SocketPair pair;
  const std::string payload(3 << 20, 'p');
  OutgoingDirectFrame frame(EncodeFrameHeader(Push(9, payload)), payload);
  EXPECT_FALSE(frame.has_begun());
  DirectReader reader(&pair.there);
  int times = 0;
  for (bool sent = false, there = false; !there; ++times) {
    if (!sent) {
      const auto status = frame.SendSome(pair.here);
      ASSERT_TRUE(status.ok());
      sent = *status;
    }
    EXPECT_TRUE(frame.has_begun());
    const auto next = reader.Next();
    ASSERT_TRUE(next.ok());
    there = *next;
  }
  EXPECT_GT(times, 1);
  EXPECT_EQ(Payload(reader), payload);
  pair.there = FileDescriptor();
  OutgoingDirectFrame lost(EncodeFrameHeader(Push(9, "")), {});
  EXPECT_EQ(lost.SendSome(pair.here).status().code(),
            absl::StatusCode::kUnavailable);
}

// Who has vanished is found out by the system, if it is told to look.
TEST(DirectStreamTest, ASilentPeerIsProbed) {
  const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ProbeWhenSilent(socket, absl::Seconds(20));
  for (const auto& [level, name, expected] :
       {std::tuple(SOL_SOCKET, SO_KEEPALIVE, 1),
        {IPPROTO_TCP, TCP_KEEPIDLE, 20},
        {IPPROTO_TCP, TCP_KEEPINTVL, 10},
        {IPPROTO_TCP, TCP_KEEPCNT, 1},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, 30000}}) {
    int value = -1;
    socklen_t size = sizeof(value);
    ASSERT_EQ(getsockopt(socket.get(), level, name, &value, &size), 0);
    EXPECT_EQ(value, expected) << name;
  }
}

TEST(DirectStreamTest, TheFramesThatOpenAndEndAStream) {
  const FrameHeader open = OpenFrame("Bearer x");
  EXPECT_EQ(open.kind, FrameKind::kOpen);
  EXPECT_EQ(open.payload_bytes, 8u);
  EXPECT_EQ(open.payload_crc32c, Crc32c("Bearer x", 8));
  const absl::Status why = absl::ResourceExhaustedError("too much");
  const FrameHeader end = EndFrame(why);
  EXPECT_EQ(end.kind, FrameKind::kEnd);
  EXPECT_EQ(StatusOfEnd(end, why.message()), why);
}

}  // namespace
}  // namespace hawser
