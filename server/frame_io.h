// How frames reach the server's blocks and leave them again, whoever carries
// them: gRPC streams in a daemon, queues in a test or the simulator.
#ifndef HAWSER_SERVER_FRAME_IO_H_
#define HAWSER_SERVER_FRAME_IO_H_

#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/wire/frame.h"
#include "server/float_buffer.h"

namespace hawser {

// A frame on its way out. The payload is not copied: `owner` keeps it alive
// until it has left.
struct OutgoingFrame {
  FrameHeaderBytes header;
  std::shared_ptr<const void> owner;
  absl::Span<const char> payload;
  // Set where the payload begins a buffer of the server's: many frames may
  // refer to it, and a peer may be able to read it where it lies. Lives as long
  // as `owner`.
  const FloatBuffer* buffer = nullptr;
  // Smaller leaves sooner, where several wait.
  uint32_t urgency = 0;
};

// Where the replies of one stream go. Thread-safe; never blocks; frames leave
// by urgency, equals in the order given. After the stream ended, Send does
// nothing.
class ReplySink {
 public:
  virtual ~ReplySink() = default;
  virtual void Send(OutgoingFrame frame) = 0;
  // False: the peer reads a block's memory where it lies, and its checksum is
  // not looked at.
  virtual bool NeedsChecksums() const { return true; }
};

// A frame that has arrived and whose checksums hold. The pieces stay valid
// until `done` is called, which happens exactly once; the carrier reads the
// stream's next frame only then, so that a sender cannot fill the memory.
struct IncomingFrame {
  FrameHeader header;
  PayloadPieces pieces;
  std::shared_ptr<ReplySink> sink;
  absl::AnyInvocable<void()> done;
};

// Takes the frames of one stream, in order, one call at a time.
class FrameHandler {
 public:
  virtual ~FrameHandler() = default;
  virtual void Handle(IncomingFrame frame) = 0;
};

// The reply that refuses `about`, with a status that the sender gets back.
OutgoingFrame ErrorFrame(const FrameHeader& about, const absl::Status& status);

// Why an incarnation other than the current one is refused.
absl::Status StaleIncarnation(uint64_t got, uint64_t current);

}  // namespace hawser

#endif  // HAWSER_SERVER_FRAME_IO_H_
