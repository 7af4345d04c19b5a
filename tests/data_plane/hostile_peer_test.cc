// A peer of the shared-memory carrier that follows no rule: what it sends is
// refused, counted, and leaves nothing behind.
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <fstream>

#include "common/wire/local_stream.h"
#include "gtest/gtest.h"
#include "server/local_listener.h"
#include "tests/data_plane/descriptors.h"
#include "tests/data_plane/echo_handler.h"

namespace hawser {
namespace {

int SharedMappings() {
  std::ifstream maps("/proc/self/maps");
  int count = 0;
  for (std::string line; std::getline(maps, line);) {
    count += line.find("memfd:") != std::string::npos ? 1 : 0;
  }
  return count;
}

FileDescriptor Memfd(int64_t bytes, int seals) {
  FileDescriptor file(memfd_create("hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(ftruncate(file.get(), bytes), 0);
  if (seals != 0) {
    EXPECT_EQ(fcntl(file.get(), F_ADD_SEALS, seals), 0);
  }
  return file;
}

LocalRecord Segment(uint32_t number) {
  LocalRecord record;
  record.kind = LocalKind::kSegment;
  record.segment = number;
  return record;
}

LocalRecord Reference(uint32_t segment, uint64_t offset, uint32_t bytes,
                      FrameKind kind = FrameKind::kPush) {
  FrameHeader header;
  header.kind = kind;
  header.block = static_cast<uint32_t>(EchoTask::kEcho);
  header.payload_bytes = bytes;
  LocalRecord record;
  record.kind = LocalKind::kReference;
  record.segment = segment;
  record.offset = offset;
  record.header = EncodeFrameHeader(header);
  return record;
}

class HostilePeerTest : public testing::Test {
 protected:
  HostilePeerTest() {
    auto listener = LocalListener::Start(&intake_);
    EXPECT_TRUE(listener.ok()) << listener.status();
    listener_ = *std::move(listener);
    Reconnect();
  }

  void Reconnect() {
    reader_.reset();
    auto socket = ConnectLocal(listener_->name());
    ASSERT_TRUE(socket.ok()) << socket.status();
    socket_ = *std::move(socket);
    reader_ = std::make_unique<LocalReader>(&socket_);
  }

  void Give(const LocalRecord& record, int descriptor = -1,
            absl::Span<const char> payload = {}) {
    OutgoingRecord outgoing(record, payload, nullptr, descriptor);
    const auto sent = outgoing.SendSome(socket_);
    ASSERT_TRUE(sent.ok() && *sent);
  }

  // The next record of the server's, or how the stream ended.
  absl::StatusOr<LocalKind> Answer() {
    for (;;) {
      const auto there = reader_->Next();
      if (!there.ok()) return there.status();
      if (*there) return reader_->record().kind;
      pollfd wait = {socket_.get(), POLLIN, 0};
      poll(&wait, 1, -1);
    }
  }

  void ExpectCut(absl::StatusCode code = absl::StatusCode::kDataLoss) {
    const auto answer = Answer();
    ASSERT_TRUE(answer.ok()) << answer.status();
    ASSERT_EQ(*answer, LocalKind::kEnd);
    EXPECT_EQ(static_cast<absl::StatusCode>(reader_->header().flags), code)
        << std::string(reader_->payload().data(), reader_->payload().size());
    EXPECT_EQ(Answer().status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(intake_.damaged_frames(), ++cut_);
  }

  SharedMemory memory_;
  Intake intake_{[this] { return std::make_unique<EchoHandler>(&memory_); }};
  std::unique_ptr<LocalListener> listener_;
  FileDescriptor socket_;
  std::unique_ptr<LocalReader> reader_;
  int64_t cut_ = 0;
};

TEST_F(HostilePeerTest, ReferencesOutsideOfWhatWasHandedOver) {
  const FileDescriptor file = Memfd(4096, F_SEAL_SHRINK);
  constexpr uint64_t kMost = ~uint64_t{0};
  const LocalRecord references[] = {
      Reference(0, 0, 4097), Reference(0, 4093, 4), Reference(0, 4097, 0),
      Reference(0, kMost, 1), Reference(0, kMost - 3, 4),
      Reference(0, kMost - 4095, 4096), Reference(1, 0, 4),
      Reference(kMost & 0xffffffff, 0, 4),
      // From memory that changes no length or message is read.
      Reference(0, 0, 4, FrameKind::kLeaseRequest)};
  for (const LocalRecord& reference : references) {
    Give(Segment(0), file.get());
    Give(reference);
    ExpectCut(reference.segment == 0 && reference.offset != 0
                  ? absl::StatusCode::kOutOfRange
              : DecodeFrameHeader(reference.header)->payload_bytes > 4096
                  ? absl::StatusCode::kOutOfRange
                  : absl::StatusCode::kDataLoss);
    Reconnect();
  }
  // Nor from what a codec packs.
  FrameHeader packed;
  packed.codec = static_cast<CodecId>(1);
  packed.payload_bytes = 4;
  LocalRecord reference = Reference(0, 0, 4);
  reference.header = EncodeFrameHeader(packed);
  Give(Segment(0), file.get());
  Give(reference);
  ExpectCut();
  Reconnect();
  // The same without a fault.
  Give(Segment(0), file.get());
  Give(Reference(0, 4092, 4));
  EXPECT_EQ(*Answer(), LocalKind::kSegment);
  EXPECT_EQ(*Answer(), LocalKind::kReference);
}

TEST_F(HostilePeerTest, MemoryThatCouldEndTheServer) {
  Give(Segment(0), Memfd(4096, 0).get());
  ExpectCut(absl::StatusCode::kFailedPrecondition);
  Reconnect();
  // Unsealed, used, then shrunk: it was never taken.
  const FileDescriptor file = Memfd(4096, F_SEAL_GROW);
  Give(Segment(0), file.get());
  ExpectCut(absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ftruncate(file.get(), 0), 0);
  Reconnect();
  Give(Segment(0), Memfd(int64_t{1} << 43, F_SEAL_SHRINK).get());
  ExpectCut(absl::StatusCode::kResourceExhausted);
}

TEST_F(HostilePeerTest, RecordsThatMakeNoSense) {
  const FileDescriptor file = Memfd(4096, F_SEAL_SHRINK);
  Give(Segment(1), file.get());  // not the next number
  ExpectCut();
  Reconnect();
  LocalRecord record;
  record.kind = LocalKind::kRelease;
  record.released = 1;  // nothing was sent
  Give(record);
  ExpectCut();
  Reconnect();
  record = Reference(0, 0, 0);
  record.kind = LocalKind::kEnd;
  Give(record);
  ExpectCut();
  Reconnect();
  for (uint32_t i = 0; i < 256; ++i) Give(Segment(i), file.get());
  Give(Segment(256), file.get());
  ExpectCut();
}

TEST_F(HostilePeerTest, AReleaseIsOfWhatWasSentAndNeverTakenBack) {
  const FileDescriptor file = Memfd(4096, F_SEAL_SHRINK);
  Give(Segment(0), file.get());
  LocalRecord push = Reference(0, 0, 4);
  Give(push);
  ASSERT_EQ(*Answer(), LocalKind::kSegment);
  ASSERT_EQ(*Answer(), LocalKind::kReference);
  EXPECT_EQ(intake_.queued_bytes(), 4);  // until it is released
  push.released = 1;
  Give(push);
  ASSERT_EQ(*Answer(), LocalKind::kReference);
  EXPECT_EQ(intake_.queued_bytes(), 4);  // the second
  push.released = 0;
  Give(push);
  ExpectCut();
  EXPECT_EQ(intake_.queued_bytes(), 0);
}

TEST_F(HostilePeerTest, NothingIsLeftOfAPeerThatGoes) {
  const FileDescriptor file = Memfd(1 << 20, F_SEAL_SHRINK);
  int descriptors = 0;
  int mappings = 0;
  for (int i = 0; i < 40; ++i) {
    Reconnect();
    Give(Segment(0), file.get());
    Give(Reference(0, 16, 1 << 16));
    ASSERT_TRUE(Answer().ok());
    ASSERT_TRUE(Answer().ok());
    // At the end of this one all of those before have ended.
    shutdown(socket_.get(), SHUT_WR);
    while (Answer().ok()) {
    }
    socket_ = FileDescriptor();
    if (i == 5) {
      descriptors = Descriptors();
      mappings = SharedMappings();
    }
  }
  // One may still be on its way out.
  EXPECT_LE(Descriptors(), descriptors + 2);
  EXPECT_LE(SharedMappings(), mappings + 1);
}

}  // namespace
}  // namespace hawser
