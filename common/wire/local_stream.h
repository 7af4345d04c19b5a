// Frames between two processes of one host: records on a unix-domain stream
// socket, and payloads that stay in shared memory and are only named.
// docs/wire_format.md has the format ("Over shared memory") and changes with
// this file.
//
// Each side numbers the segments it hands over by SCM_RIGHTS, from 0 on; they
// belong to the connection and go with it.
#ifndef HAWSER_COMMON_WIRE_LOCAL_STREAM_H_
#define HAWSER_COMMON_WIRE_LOCAL_STREAM_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/file_descriptor.h"
#include "common/wire/frame.h"

namespace hawser {

enum class LocalKind : uint16_t {
  kInline = 1,     // a frame; its payload follows on the socket
  kReference = 2,  // a frame; its payload is at `offset` of `segment`
  kSegment = 3,    // one more segment: its descriptor comes with this record
  kRelease = 4,    // nothing but `released`
  kEnd = 5,        // an error frame that says why the stream ends; the last
};

inline constexpr size_t kLocalRecordBytes = 32 + kFrameHeaderBytes;

struct LocalRecord {
  LocalKind kind = LocalKind::kInline;
  uint32_t segment = 0;
  uint64_t offset = 0;
  // How many frames by reference the sender has received and is done with.
  uint64_t released = 0;
  FrameHeaderBytes header = {};  // of kInline, kReference, kEnd
};

using LocalRecordBytes = std::array<char, kLocalRecordBytes>;
LocalRecordBytes EncodeLocalRecord(const LocalRecord& record);
// DATA_LOSS: foreign bytes.
absl::StatusOr<LocalRecord> DecodeLocalRecord(const LocalRecordBytes& bytes);

// The address of the abstract unix socket of that name: it is not in any file
// system and goes with the process; only processes in the same network
// namespace find it.
//
// UNAVAILABLE: nobody listens there, or not this user. The socket does not
// block.
absl::StatusOr<FileDescriptor> ConnectLocal(const std::string& name);
// ALREADY_EXISTS: the name is taken.
absl::StatusOr<FileDescriptor> ListenLocal(const std::string& name);
// PERMISSION_DENIED unless the peer is a process of this process's user.
absl::Status CheckLocalPeer(const FileDescriptor& socket);

// A record on its way out, with what goes with it.
class OutgoingRecord {
 public:
  // payload: of kInline and kEnd; owner keeps it alive. descriptor: of
  // kSegment; open until the record has left.
  OutgoingRecord(const LocalRecord& record, absl::Span<const char> payload = {},
                 std::shared_ptr<const void> owner = nullptr,
                 int descriptor = -1)
      : record_(EncodeLocalRecord(record)),
        payload_(payload),
        owner_(std::move(owner)),
        descriptor_(descriptor) {}

  // Sends as much as the socket takes, without waiting. True: all of it has
  // left. UNAVAILABLE: the peer has gone.
  absl::StatusOr<bool> SendSome(const FileDescriptor& socket);
  // Some of it has left.
  bool has_begun() const { return sent_ != 0; }

 private:
  LocalRecordBytes record_;
  absl::Span<const char> payload_;
  std::shared_ptr<const void> owner_;
  int descriptor_;
  size_t sent_ = 0;
};

// Takes records off a socket. Not thread-safe.
class LocalReader {
 public:
  // socket: does not block; outlives the reader.
  explicit LocalReader(const FileDescriptor* socket) : socket_(socket) {}

  // Reads on, without waiting. True: the next record is there; false: what has
  // come so far is not one. UNAVAILABLE: the peer has closed. DATA_LOSS:
  // foreign or damaged bytes (for frames: of the header).
  absl::StatusOr<bool> Next();

  // Of the last record; valid until Next.
  const LocalRecord& record() const { return record_; }
  const FrameHeader& header() const { return header_; }
  absl::Span<const char> payload() const { return payload_; }
  // The payload, to be kept.
  std::vector<char> TakePayload() { return std::move(payload_); }
  // The descriptor that came with a kSegment.
  FileDescriptor TakeDescriptor();

 private:
  // Before a record, or in the middle of its payload.
  absl::StatusOr<bool> TakeBuffered();
  absl::StatusOr<bool> Fill();
  absl::Status KeepDescriptors(void* message);

  const FileDescriptor* const socket_;
  std::array<char, 16384> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  std::deque<FileDescriptor> descriptors_;
  bool in_payload_ = false;
  size_t payload_filled_ = 0;
  LocalRecord record_;
  FrameHeader header_;
  std::vector<char> payload_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_WIRE_LOCAL_STREAM_H_
