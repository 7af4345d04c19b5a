#include "common/wire/local_stream.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstring>

#include "common/crc32c.h"
#include "common/wire/socket_pair.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

LocalRecord Frame(LocalKind kind, uint64_t clock, absl::string_view payload) {
  FrameHeader header;
  header.kind = FrameKind::kPush;
  header.clock = clock;
  header.payload_bytes = static_cast<uint32_t>(payload.size());
  header.payload_crc32c = Crc32c(payload.data(), payload.size());
  LocalRecord record;
  record.kind = kind;
  record.header = EncodeFrameHeader(header);
  return record;
}

TEST(LocalStreamTest, TheBytesAreTheOnesOnTheFormatsPage) {
  LocalRecord record = Frame(LocalKind::kReference, 0, "");
  record.segment = 0x01020304;
  record.offset = 0x1112131415161718;
  record.released = 0x2122232425262728;
  const LocalRecordBytes bytes = EncodeLocalRecord(record);
  const unsigned char expected[32] = {
      'H',  'W',  'L',  'R',  1,    0,    2,    0,    4,    3,    2,
      1,    0,    0,    0,    0,    0x18, 0x17, 0x16, 0x15, 0x14, 0x13,
      0x12, 0x11, 0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21};
  EXPECT_EQ(std::memcmp(bytes.data(), expected, sizeof(expected)), 0);
  EXPECT_EQ(std::memcmp(bytes.data() + 32, record.header.data(),
                        record.header.size()),
            0);
  EXPECT_EQ(bytes.size(), 144u);
}

// Written a byte at a time and in one piece: the same records come out.
TEST(LocalStreamTest, RecordsAndPayloadsComeOutHoweverTheyAreCut) {
  const std::string large(100000, 'z');
  std::string all;
  uint64_t clock = 0;
  for (const absl::string_view payload :
       {absl::string_view("abc"), absl::string_view(), absl::string_view(large),
        absl::string_view("d")}) {
    const LocalRecordBytes record =
        EncodeLocalRecord(Frame(LocalKind::kInline, clock++, payload));
    all.append(record.data(), record.size());
    all.append(payload.data(), payload.size());
  }
  for (const size_t step : {size_t{1}, size_t{143}, size_t{145}, all.size()}) {
    SocketPair pair;
    LocalReader reader(&pair.there);
    std::vector<std::string> got;
    for (size_t at = 0; at < all.size();) {
      const size_t n = std::min(step, all.size() - at);
      const ssize_t sent = write(pair.here.get(), all.data() + at, n);
      if (sent > 0) at += static_cast<size_t>(sent);
      for (;;) {
        const auto there = reader.Next();
        ASSERT_TRUE(there.ok()) << there.status();
        if (!*there) break;
        EXPECT_EQ(reader.header().clock, got.size());
        got.emplace_back(reader.payload().data(), reader.payload().size());
      }
    }
    EXPECT_EQ(got, (std::vector<std::string>{"abc", "", large, "d"})) << step;
  }
}

TEST(LocalStreamTest, AFullSocketTakesTheRestLater) {
  SocketPair pair;
  const std::string payload(3 << 20, 'p');
  OutgoingRecord record(Frame(LocalKind::kInline, 1, payload), payload);
  LocalReader reader(&pair.there);
  int parts = 0;
  for (bool sent = false; !sent; ++parts) {
    const auto all = record.SendSome(pair.here);
    ASSERT_TRUE(all.ok()) << all.status();
    sent = *all;
    const auto there = reader.Next();
    ASSERT_TRUE(there.ok()) << there.status();
    EXPECT_EQ(*there, sent);
  }
  EXPECT_GT(parts, 1);
  EXPECT_TRUE(CheckPayload(reader.header(), {{reader.payload()}}).ok());
}

TEST(LocalStreamTest, ADescriptorComesWithItsRecordAndNoneIsLeft) {
  const FileDescriptor file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  struct stat sent = {};
  struct stat got = {};
  fstat(file.get(), &sent);
  const int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(before);
  {
    SocketPair pair;
    LocalRecord segment;
    segment.kind = LocalKind::kSegment;
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(*OutgoingRecord(Frame(LocalKind::kInline, 0, ""))
                       .SendSome(pair.here));
      ASSERT_TRUE(*OutgoingRecord(segment, {}, nullptr, file.get())
                       .SendSome(pair.here));
    }
    LocalReader reader(&pair.there);
    ASSERT_TRUE(*reader.Next());
    ASSERT_TRUE(*reader.Next());
    const FileDescriptor first = reader.TakeDescriptor();
    fstat(first.get(), &got);
    EXPECT_EQ(got.st_rdev, sent.st_rdev);
    EXPECT_NE(fcntl(first.get(), F_GETFD) & FD_CLOEXEC, 0);
  }  // two were not taken
  const int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(after, before);
  close(after);
}

TEST(LocalStreamTest, ForeignBytesEndTheStream) {
  constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
  for (const size_t damaged : {0, 4, 6, 32, 40, 143}) {
    SocketPair pair;
    LocalRecordBytes bytes =
        EncodeLocalRecord(Frame(LocalKind::kInline, 1, ""));
    bytes[damaged] = static_cast<char>(bytes[damaged] ^ 0x40);
    ASSERT_EQ(write(pair.here.get(), bytes.data(), bytes.size()), 144);
    LocalReader reader(&pair.there);
    EXPECT_EQ(reader.Next().status().code(), kDataLoss) << damaged;
  }
  // A segment without its descriptor; descriptors without a segment.
  SocketPair bare;
  LocalRecord segment;
  segment.kind = LocalKind::kSegment;
  ASSERT_TRUE(*OutgoingRecord(segment).SendSome(bare.here));
  LocalReader bare_reader(&bare.there);
  EXPECT_EQ(bare_reader.Next().status().code(), kDataLoss);
  SocketPair flood;
  LocalReader flooded(&flood.there);
  absl::Status status;
  for (int i = 0; i < 20 && status.ok(); ++i) {
    LocalRecord record = Frame(LocalKind::kInline, 1, "");
    ASSERT_TRUE(*OutgoingRecord(record, {}, nullptr, flood.here.get())
                     .SendSome(flood.here));
    status = flooded.Next().status();
  }
  EXPECT_EQ(status.code(), kDataLoss);
}

TEST(LocalStreamTest, AClosedPeerIsUnavailable) {
  SocketPair pair;
  pair.here = FileDescriptor();
  LocalReader reader(&pair.there);
  EXPECT_EQ(reader.Next().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(OutgoingRecord(LocalRecord()).SendSome(pair.there).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST(LocalStreamTest, NamesAreTakenOnceAndGoWithTheirSocket) {
  const std::string name = "hawser-test-" + std::to_string(getpid());
  EXPECT_EQ(ConnectLocal(name).status().code(), absl::StatusCode::kUnavailable);
  {
    const auto listener = ListenLocal(name);
    ASSERT_TRUE(listener.ok()) << listener.status();
    EXPECT_EQ(ListenLocal(name).status().code(),
              absl::StatusCode::kAlreadyExists);
    EXPECT_TRUE(ConnectLocal(name).ok());
  }
  EXPECT_EQ(ConnectLocal(name).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(ConnectLocal("").ok());
  EXPECT_FALSE(ConnectLocal(std::string(108, 'n')).ok());
}

}  // namespace
}  // namespace hawser
