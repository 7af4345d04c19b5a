// Frames as they are, one after the other, on a connection that carries nothing
// else: TCP, or a unix socket. docs/wire_format.md has the format ("On a
// connection of their own") and changes with this file.
//
// The client's first frame is kOpen; when the server has answered by the same,
// the stream is open. Its payload is what authorises the client, such as
// "Bearer TOKEN".
//
// Sockets do not block: what cannot be sent or received now is for the caller
// to wait for.
#ifndef HAWSER_COMMON_WIRE_DIRECT_STREAM_H_
#define HAWSER_COMMON_WIRE_DIRECT_STREAM_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/file_descriptor.h"
#include "common/wire/frame.h"

namespace hawser {

// The frame that opens a stream, or answers that it is open.
FrameHeader OpenFrame(absl::string_view authorization);
// The last frame of a stream: `why` is its payload.
FrameHeader EndFrame(const absl::Status& why);
// What kEnd says.
absl::Status StatusOfEnd(const FrameHeader& header,
                         absl::Span<const char> payload);

// Has the system find out that the peer has vanished, though it did not close:
// a connection that has been silent for so long is probed, and fails if nothing
// comes within half of it.
void ProbeWhenSilent(const FileDescriptor& socket, absl::Duration silence);

// A frame on its way out.
class OutgoingDirectFrame {
 public:
  // owner keeps the payload alive.
  OutgoingDirectFrame(const FrameHeaderBytes& header,
                      absl::Span<const char> payload,
                      std::shared_ptr<const void> owner = nullptr)
      : header_(header), payload_(payload), owner_(std::move(owner)) {}

  // Sends as much as the socket takes. True: all of it has left. UNAVAILABLE:
  // the peer has gone.
  absl::StatusOr<bool> SendSome(const FileDescriptor& socket);
  // Some of it has left.
  bool has_begun() const { return sent_ != 0; }

 private:
  FrameHeaderBytes header_;
  absl::Span<const char> payload_;
  std::shared_ptr<const void> owner_;
  size_t sent_ = 0;
};

// Takes frames off a socket. Not thread-safe.
class DirectReader {
 public:
  // Asked before memory is taken for payloads, which is kept: so many bytes
  // more. May refuse.
  using Reserve = std::function<absl::Status(size_t bytes)>;

  // socket outlives the reader.
  explicit DirectReader(const FileDescriptor* socket, Reserve reserve = nullptr)
      : socket_(socket), reserve_(std::move(reserve)) {}

  // Where a payload is received, by its frame's header; null: wherever.
  using Place = std::function<char*(const FrameHeader&)>;
  void PlacePayloads(Place place) { place_ = std::move(place); }

  // Reads on. True: the next frame is there, whole and with the checksums it
  // claims; false: what has come so far is not one. UNAVAILABLE: the peer has
  // closed. DATA_LOSS: foreign or damaged bytes. Others: as `reserve`.
  absl::StatusOr<bool> Next();

  // Of the last frame; valid until Next.
  const FrameHeader& header() const { return header_; }
  absl::Span<const char> payload() const {
    return {payload_, header_.payload_bytes};
  }

 private:
  struct Free {
    void operator()(char* memory) const;
  };

  // The header, and what came with it.
  absl::Status TakeHeader();
  absl::Status MakeRoom();
  absl::StatusOr<bool> Receive();
  // Whoever waits for the socket is woken when so much is there.
  void WakeAt(size_t bytes);
  void CountPayload(size_t bytes);

  const FileDescriptor* const socket_;
  const Reserve reserve_;
  std::array<char, 16384> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool has_header_ = false;  // of a frame whose payload is not whole yet
  FrameHeader header_;
  Place place_;
  std::unique_ptr<char[], Free> memory_;  // for payloads without a place
  size_t capacity_ = 0;
  char* payload_ = nullptr;
  size_t filled_ = 0;
  uint32_t crc_ = 0;  // of what is filled
  int wakes_at_ = 1;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_WIRE_DIRECT_STREAM_H_
